"""A recorded drive played through a session as fast as it goes, and what came of it."""
