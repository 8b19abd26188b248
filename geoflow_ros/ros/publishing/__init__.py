"""What the node makes of an answer: topics, transform, saved pose."""
