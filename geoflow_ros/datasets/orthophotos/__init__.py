"""Pseudo ground views made of real orthophotos, as training samples."""
