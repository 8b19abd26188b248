"""What fixes, odometry and their clocks say, checked before it is believed."""
