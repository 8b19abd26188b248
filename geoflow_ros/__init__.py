"""Metric localisation of a camera against satellite tiles (GeoFlow, CVPR 2026)."""

__version__ = "0.1.0"
