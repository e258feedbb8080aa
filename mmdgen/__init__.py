"""MMD models in, training data for single-picture anime animation out."""

__version__ = "0.1.0"
