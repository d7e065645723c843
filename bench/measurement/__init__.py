"""How a built case is measured: the clocks, the measured window, the checks that a figure is valid."""
