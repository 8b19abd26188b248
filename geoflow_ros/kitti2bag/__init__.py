"""KITTI raw as a ROS 2 bag."""
