"""The page of a running node: what it keeps of the drive, and the server that shows it in a browser."""
