"""How a camera is mounted, found out from a recorded drive."""
