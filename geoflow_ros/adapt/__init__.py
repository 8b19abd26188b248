"""A city and a camera learnt from unlabelled drives."""
