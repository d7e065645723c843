"""Measure a built case: the two clocks, the measured window, and the checks that the figures are valid."""
