"""What the node takes in beside images: subscriptions, where the camera is mounted, poses given by hand."""
