"""Satellite imagery: tile stores, mosaics and metric patches."""
