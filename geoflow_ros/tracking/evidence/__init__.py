"""What frames say for and against the belief, frame by frame and over time."""
