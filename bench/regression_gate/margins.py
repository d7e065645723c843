"""How much a figure may grow before it matters, and how much it must grow before missing it matters."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Margins:
    """Growth as shares of the base's figure.

    Attributes:
        tolerated: growth that is not a regression; a FAIL shows more than this.
        minimum: growth that must not slip through; a PASS rules it out. It is above `tolerated`: the room between the
            two lets a noisy measurement end.
    """

    tolerated: float = 0.02
    minimum: float = 0.05

    @property
    def fail_above(self) -> float:
        """ln(1 + tolerated)."""
        return math.log1p(self.tolerated)

    @property
    def pass_below(self) -> float:
        """ln(1 + minimum)."""
        return math.log1p(self.minimum)
