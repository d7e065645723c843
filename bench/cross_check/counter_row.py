"""One counter's figure beside Anatomy's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One line of the table. All figures are FLOPs of one forward pass of the batch.

    Attributes:
        counter: what counted.
        version: of the library that counted.
        flops: the figure; `None` if the counter gave none, and then `reason` says why.
        conventions: how this counter's conventions differ from Anatomy's, one sentence.
        reason: why there is no figure.
        anatomy: Anatomy's own figure; `None` until it is known.
    """

    counter: str
    version: str = ""
    flops: int | None = None
    conventions: str = ""
    reason: str = ""
    anatomy: int | None = None

    @property
    def ratio(self) -> float | None:
        """`flops` over Anatomy's figure; `None` if one of them is missing or Anatomy's is 0."""
        return self.flops / self.anatomy if self.flops is not None and self.anatomy else None

    @property
    def note(self) -> str:
        """Why the figure is missing or differs from Anatomy's; empty if it is equal."""
        if self.flops is None:
            return self.reason
        return "" if self.flops == self.anatomy else self.conventions

    def to_dict(self) -> dict[str, Any]:
        """The published keys: `reason` for a missing figure, else `ratio` and `notes`."""
        head = {"counter": self.counter, "version": self.version, "flops": self.flops}
        if self.flops is None:
            return head | {"reason": self.reason}
        return head | {"ratio": self.ratio, "notes": [self.note] if self.note else []}
