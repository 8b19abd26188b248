"""A node at work for long while its inputs and files are damaged: `make soak`."""
