"""The number of independent values that a dependent series is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


def autocorrelation_time(values: Sequence[float] | NDArray[Any]) -> float:
    """Integrated autocorrelation time τ = 1 + 2 Σ ρ(k), at least 1: n values are worth n / τ independent ones.

    The sum ends where a pair of neighbouring autocorrelations, ρ(2k) + ρ(2k + 1), is no longer positive
    (Geyer 1992, "Practical Markov chain Monte Carlo", section 3.3: initial positive sequence).
    """
    return autocorrelation_times([values])[0]


def autocorrelation_times(series: Sequence[Sequence[float] | NDArray[Any]]) -> list[float]:
    """The `autocorrelation_time` of each series; many at once take a fraction of the time that each takes alone."""
    found = [1.0] * len(series)
    # By size of the Fourier transform, which is at least twice the length: no end meets the other.
    by_size: dict[int, list[_Centred]] = {}
    for number, values in enumerate(series):
        x = np.asarray(values, dtype=float)
        n = len(x)
        if n < 4:
            continue
        centred = x - x.mean()
        variance = float(centred @ centred)
        if variance > 1e-24 * max(1.0, float(x @ x)):
            by_size.setdefault(1 << (2 * n - 1).bit_length(), []).append(_Centred(number, centred, variance))
    for size, alike in by_size.items():
        padded = np.zeros((len(alike), size))
        for row, one in enumerate(alike):
            padded[row, : len(one.values)] = one.values
        spectrum = np.abs(np.fft.rfft(padded)) ** 2
        rho = np.fft.irfft(spectrum, size) / np.array([[one.variance] for one in alike])
        pairs = rho[:, 0::2] + rho[:, 1::2]
        ends = np.array([len(one.values) // 2 for one in alike])
        # Behind the last pair of a series the sum ends in any case.
        last = np.arange(pairs.shape[1]) >= ends[:, None]
        first_negative = np.argmax((pairs <= 0) | last, axis=1)
        for one, row, first in zip(alike, pairs, first_negative, strict=True):
            found[one.number] = max(1.0, 2.0 * float(row[:first].sum()) - 1.0)
    return found


class _Centred(NamedTuple):
    """A series without its mean, its place among the others, and its sum of squares."""

    number: int
    values: NDArray[Any]
    variance: float
