"""Statistics of benchmarks: pure functions of lists of seconds; numpy at most, no framework, no scipy."""
