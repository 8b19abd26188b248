"""Where a recorded drive was, afterwards: odometry, fixes with a drifting bias and the frames' likelihoods at once."""
