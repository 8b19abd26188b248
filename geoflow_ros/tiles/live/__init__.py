"""Tiles that a drive lacks, fetched while it goes on."""
