"""`python -m geoflow_ros.localize`."""
