"""Several cameras: what becomes of panoramas, and what all of them say together."""
