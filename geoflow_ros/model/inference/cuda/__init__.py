"""A frame on a GPU as a whole: CUDA graphs of the `default` network."""
