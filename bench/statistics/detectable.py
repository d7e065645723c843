"""The smallest change that a comparison of fresh processes can show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev


def coefficient_of_variation(values: Sequence[float]) -> float:
    """Standard deviation (n − 1) over the mean of one figure per process.

    Raises:
        ValueError: fewer than two values, or one that is not positive.
    """
    if len(values) < 2:
        raise ValueError(f"a coefficient of variation needs two or more values, not {len(values)}")
    if min(values) <= 0:
        raise ValueError(f"a coefficient of variation needs positive values, not {min(values)}")
    return stdev(values) / fmean(values)


def detectable_change(cv: float, samples: int, power: float = 0.9) -> float:
    """The smallest relative change that a comparison finds with probability `power`, at 95 % confidence.

    Two-sample t test, two-sided, on the logarithms of one figure per process, `samples` processes per side:
    exp(λ σ √(2/n)) − 1, where σ² = ln(1 + cv²) and λ is the noncentrality at which Student's noncentral t with
    2 n − 2 degrees of freedom exceeds its 97.5 % point with probability `power` (Cohen 1988, "Statistical power
    analysis for the behavioral sciences", chapter 2).

    Args:
        cv: coefficient of variation between processes, e.g. 0.02.
        samples: fresh processes on each side, at least 2.
        power: chance of finding the change, between 0.05 and 1.

    Raises:
        ValueError: an argument is out of range.
    """
    # scipy is slow to import, and most commands do not get here.
    from scipy.special import nctdtrinc, stdtrit

    if samples < 2:
        raise ValueError(f"a comparison needs two or more processes per side, not {samples}")
    if not 0.05 <= power < 1:
        raise ValueError(f"power must be between 0.05 and 1 (excluded), not {power}")
    if not 0 <= cv < math.inf:
        raise ValueError(f"a coefficient of variation cannot be {cv}")
    degrees = 2 * samples - 2
    critical = float(stdtrit(degrees, 0.975))
    noncentrality = float(nctdtrinc(degrees, 1 - power, critical))
    sigma = math.sqrt(math.log1p(cv**2))
    return math.expm1(noncentrality * sigma * math.sqrt(2 / samples))
