"""One counter's figure, and the parts of which its difference from Anatomy's consists: immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Term:
    """A part of the difference, found in the counter's own program.

    Attributes:
        cause: what it is, e.g. `padding`.
        flops: what it adds to Anatomy's figure; negative where the counter leaves something out.
        detail: the facts it was computed from.
    """

    cause: str
    flops: int
    detail: str = ""


@dataclass(frozen=True)
class Row:
    """One line of the table. All figures are FLOPs of one forward pass of the batch.

    Attributes:
        counter: what counted.
        version: of the library that counted.
        flops: the figure, `None` where there is none; then `reason` says why.
        products: the part of `flops` that is convolutions and matrix products, where the counter's
            program shows it.
        expected_products: what Anatomy's counter expects for `products` by this counter's conventions,
            where it can say.
        terms: the explained parts of `flops − anatomy`.
        notes: what the counter's figure leaves out without a difference, such as exponentials.
        anatomy: Anatomy's own figure, `None` until it is known.
    """

    counter: str
    version: str = ""
    flops: int | None = None
    products: int | None = None
    expected_products: int | None = None
    terms: tuple[Term, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""
    anatomy: int | None = None

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Row:
        """A row as a counter's process writes it: `dataclasses.asdict` through JSON."""
        terms = tuple(Term(**term) for term in facts.get("terms", ()))
        return cls(**{**facts, "terms": terms, "notes": tuple(facts.get("notes", ()))})

    @property
    def ratio(self) -> float | None:
        """`flops` over Anatomy's figure; `None` where there is nothing to divide."""
        return self.flops / self.anatomy if self.flops is not None and self.anatomy else None

    @property
    def unexplained(self) -> int | None:
        """FLOPs of the difference that no term accounts for."""
        if self.flops is None or self.anatomy is None:
            return None
        return self.flops - self.anatomy - sum(term.flops for term in self.terms)

    def share(self, flops: int) -> float | None:
        """FLOPs as a fraction of Anatomy's figure."""
        return flops / self.anatomy if self.anatomy else None

    def to_dict(self) -> dict[str, Any]:
        """The published keys; `share` and `unexplained_share` are fractions of Anatomy's figure."""
        if self.flops is None:
            return {"counter": self.counter, "version": self.version, "flops": None, "reason": self.reason}
        unexplained = self.unexplained
        return {
            "counter": self.counter,
            "version": self.version,
            "flops": self.flops,
            "ratio": self.ratio,
            "products_flops": self.products,
            "expected_products_flops": self.expected_products,
            "differences": [
                {"cause": term.cause, "flops": term.flops, "share": self.share(term.flops), "detail": term.detail}
                for term in self.terms
            ],
            "unexplained_flops": unexplained,
            "unexplained_share": None if unexplained is None else self.share(unexplained),
            "notes": list(self.notes),
        }
