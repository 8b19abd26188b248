"""What is used of bondpy, where it is not installed."""
