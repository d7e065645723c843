"""What is measured: a model built and compiled, and synthetic data for it."""
