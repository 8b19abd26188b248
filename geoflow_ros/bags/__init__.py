"""ROS 2 bags, their messages and trajectories, read and written without ROS."""
