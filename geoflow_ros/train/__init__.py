"""Training: batches, the loop, and what it is configured by."""
