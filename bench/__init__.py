"""Measuring: suites, workers, records, statistics and the command line."""
