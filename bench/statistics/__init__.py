"""Statistics of benchmarks: pure functions of lists of figures; numpy at most (scipy for the power of a test)."""
