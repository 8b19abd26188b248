"""How far imagery lies beside the truth, measured on a recorded drive."""
