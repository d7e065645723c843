"""Types of the numbers in records: what no measurement can give is refused where a file or a worker is read."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

# The shortest is far below the tick of any clock, and the longest is thirty years: rates and their sums stay finite.
SHORTEST_S, LONGEST_S = 1e-12, 1e9
# What databases hold.
_BEYOND = 2**63


def finite_or_none(value: float | None) -> float | None:
    """The value, or `None` for NaN and infinity, which are no figures: no record holds them."""
    return value if value is None or math.isfinite(value) else None


def _no_whole_number(value: object) -> object:
    if isinstance(value, int):
        raise ValueError("a whole number beyond 64 bits")
    return value


def _iso(text: str) -> str:
    datetime.fromisoformat(text)
    return text


# Seconds of something that took place: a step, a block, a window.
Seconds = Annotated[float, Field(ge=SHORTEST_S, le=LONGEST_S)]
# Seconds that may be none.
Duration = Annotated[float, Field(ge=0, le=LONGEST_S)]
# Examples or joules a second, and other figures above zero.
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
ByteCount = Annotated[int, Field(ge=0, lt=_BEYOND)]
Count = Annotated[int, Field(ge=0, lt=_BEYOND)]
Whole = Annotated[int, Field(gt=-_BEYOND, lt=_BEYOND)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
# Beside `Whole`: a whole number that is too large must not become another one.
Fraction = Annotated[Finite, BeforeValidator(_no_whole_number)]
# ISO 8601.
Timestamp = Annotated[str, Field(max_length=32), AfterValidator(_iso)]
