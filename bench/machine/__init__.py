"""This machine, its processes and the project on it: memory, CPU time, control groups, GPUs, git, `pyproject.toml`."""
