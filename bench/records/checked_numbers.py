"""Types of the numbers in records: what no measurement can give is refused where a file or a worker is read."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

# The shortest is far below the tick of any clock, and the longest is thirty years: rates and their sums stay finite.
SHORTEST_S, LONGEST_S = 1e-12, 1e9
# What databases hold.
_BEYOND = 2**63


def _finite_or_none(value: Any) -> Any:
    """A sample or a loss that is not finite is no figure, and JSON could not hold it."""
    values = value if isinstance(value, list) else [value]
    return None if any(isinstance(one, float) and not math.isfinite(one) for one in values) else value


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
Finite = Annotated[float, Field(allow_inf_nan=False)]
FiniteOrNone = Annotated[Finite | None, BeforeValidator(_finite_or_none)]
SampleOrNone = Annotated[list[Finite] | None, BeforeValidator(_finite_or_none)]
# ISO 8601.
Timestamp = Annotated[str, Field(max_length=32), AfterValidator(_iso)]
