"""What an evaluation is made of: outcomes of samples, sweeps over settings, figures."""
