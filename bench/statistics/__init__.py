"""Statistics of benchmarks: pure functions of lists of figures."""
