"""`python -m geoflow_ros.tiles`."""
