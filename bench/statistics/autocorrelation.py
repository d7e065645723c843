"""The number of independent values that a dependent series is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def autocorrelation_time(values: Sequence[float] | NDArray[Any]) -> float:
    """Integrated autocorrelation time τ = 1 + 2 Σ ρ(k), at least 1: n values are worth n / τ independent ones.

    The sum ends where a pair of neighbouring autocorrelations, ρ(2k) + ρ(2k + 1), is no longer positive
    (Geyer 1992, "Practical Markov chain Monte Carlo", section 3.3: initial positive sequence).
    """
    x = np.asarray(values, dtype=float)
    n = len(x)
    centred = x - x.mean() if n else x
    variance = float(centred @ centred)
    if n < 4 or variance <= 1e-24 * max(1.0, float(x @ x)):
        return 1.0
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(centred, size)) ** 2
    rho = np.fft.irfft(spectrum, size)[:n] / variance
    pairs = rho[0 : n - n % 2 : 2] + rho[1:n:2]
    first_negative = int(np.argmax(pairs <= 0)) if (pairs <= 0).any() else len(pairs)
    return max(1.0, 2.0 * float(pairs[:first_negative].sum()) - 1.0)
