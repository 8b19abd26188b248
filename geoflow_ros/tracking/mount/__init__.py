"""How a camera really sits on the vehicle: what frames say of a mount that was stated by hand."""
