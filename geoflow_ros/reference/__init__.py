"""`python -m geoflow_ros.reference`."""
