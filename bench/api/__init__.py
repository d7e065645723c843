"""The functions of `anatomy.bench` for scripts and notebooks; import them from there."""
