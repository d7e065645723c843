"""What holds a layer back."""

from __future__ import annotations

import pytest

from anatomy.bench.profiling.roofline_bound import LayerCeilings, roofline_bound

CEILINGS = LayerCeilings(flops_per_s=1e12, bandwidth_bytes_per_s=1e10)


@pytest.mark.parametrize(
    ("flops", "moved_bytes", "host", "bound"),
    [
        (10**9, 10**6, None, "compute"),
        (10**6, 10**7, None, "memory"),
        (10**9, 10**6, 0.5, "compute"),
        (10**9, 10**6, 1.5, "launch"),
        (0, 10**7, None, "memory"),
        (None, 10**7, None, None),
        (10**9, None, None, None),
        (None, None, 2.0, "launch"),
    ],
)
def test_the_host_or_the_longer_of_two_times(
    flops: int | None, moved_bytes: int | None, host: float | None, bound: str | None
) -> None:
    assert roofline_bound(flops, moved_bytes, 1.0, host, 10, CEILINGS) == bound


def test_short_operations_that_do_little_are_mostly_launched() -> None:
    assert roofline_bound(10**6, 10**4, 1e-3, None, 100, CEILINGS) == "launch"
    # Longer ones are slow for another reason, and work that explains the time is work.
    assert roofline_bound(10**6, 10**4, 1e-3, None, 10, CEILINGS) == "compute"
    assert roofline_bound(10**9, 10**4, 1e-3, None, 100, CEILINGS) == "compute"


def test_without_a_ceiling_only_launching_is_known() -> None:
    assert roofline_bound(1, 1, 1.0, None, 1, None) is None
    assert roofline_bound(1, 1, 1.0, 2.0, 1, None) == "launch"
    assert roofline_bound(1, 1, 1.0, None, 1, CEILINGS.model_copy(update={"flops_per_s": None})) is None
