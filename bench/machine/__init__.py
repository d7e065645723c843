"""What the operating system says of this machine and of a process: memory, CPU time, control groups, git, GPUs."""
