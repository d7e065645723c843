"""What holds a layer back."""

from __future__ import annotations

import pytest

from anatomy.bench.profiling.bound import LayerCeilings, bound_of

CEILINGS = LayerCeilings(flops_per_s=1e12, bandwidth_bytes_per_s=1e10, dispatch_s=1e-5)


@pytest.mark.parametrize(
    ("flops", "moved_bytes", "calls", "bound"),
    [
        (10**9, 10**6, 1, "compute"),
        (10**6, 10**7, 1, "memory"),
        (10**6, 10**4, 3, "launch"),
        (0, 10**7, 1, "memory"),
        (None, 10**7, 1, None),
        (10**9, None, 1, None),
    ],
)
def test_the_longest_of_three_times(
    flops: int | None, moved_bytes: int | None, calls: float, bound: str | None
) -> None:
    assert bound_of(flops, moved_bytes, calls, CEILINGS) == bound


def test_without_a_ceiling_nothing_is_said() -> None:
    assert bound_of(1, 1, 1, None) is None
    assert bound_of(1, 1, 1, CEILINGS.model_copy(update={"dispatch_s": None})) is None
