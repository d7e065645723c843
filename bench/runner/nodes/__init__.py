"""Several machines measure one case together: a process on each, started by torchrun, srun or mpirun."""
