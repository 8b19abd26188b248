"""`python -m geoflow_ros.demo`."""
