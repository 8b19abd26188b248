"""Parts of `python -m geoflow_ros.benchmark`: what is measured, on what, and on which machine."""
