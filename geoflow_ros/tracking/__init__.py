"""Fusion over time, free of ROS: what is believed before a frame, and what is made of it."""
