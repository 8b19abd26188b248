"""`python -m geoflow_ros.checkpoint`."""
