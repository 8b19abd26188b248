"""One frame: from an image, a camera and a prior to a pose with its covariance."""
