"""How much a figure may grow before it matters, and how much it must grow before missing it matters."""

from __future__ import annotations

import math

from pydantic import Field, model_validator

from anatomy.bench.records.frozen import Frozen


class Margins(Frozen):
    """Growth as shares of the base's figure.

    Attributes:
        tolerated: growth that is not a regression; a FAIL shows more than this.
        minimum: growth that must not slip through; a PASS rules it out. It is above `tolerated`: the room between the
            two lets a noisy measurement end.
    """

    tolerated: float = Field(default=0.02, ge=0)
    minimum: float = Field(default=0.05, gt=0)

    @model_validator(mode="after")
    def _in_order(self) -> Margins:
        if self.minimum <= self.tolerated:
            raise ValueError(
                f"the minimum effect ({self.minimum:.2%}) must be above the tolerated change ({self.tolerated:.2%})"
            )
        return self

    @property
    def fail_above(self) -> float:
        """ln(1 + tolerated)."""
        return math.log1p(self.tolerated)

    @property
    def pass_below(self) -> float:
        """ln(1 + minimum)."""
        return math.log1p(self.minimum)

    def with_floor(self, floor: float, base: float) -> Margins:
        """Widen these margins where a change below `floor` does not matter.

        Args:
            floor: absolute change in the figure's unit, e.g. 0.2 s of compile time.
            base: the base's figure in the same unit, above 0.
        """
        if not base > 0:
            raise ValueError(f"a share needs a base above 0, got {base!r}")
        raised = max(0.0, floor / base - self.tolerated)
        return Margins(tolerated=self.tolerated + raised, minimum=self.minimum + raised)
