"""Datasets in one convention."""
