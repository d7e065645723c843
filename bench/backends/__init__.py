"""The Keras backends: which are installed, and how each runs and drains a compiled step."""
