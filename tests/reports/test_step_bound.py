"""What bounds a step, by its profile and by the ceilings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.records.case import Case
from anatomy.bench.records.case_profile import STEP_PARTS, Gaps, LayerTime, Profile
from anatomy.reports.flops_utilisation import Utilisation
from anatomy.reports.step_bound import EXPLAINED, NEITHER, least_shares, step_bound

CASE = Case(model="mlp", mode="train", backend="jax", batch_size=8)


def work(compute: float, memory: float | None, launch: float | None, step: float = 1.0) -> Utilisation:
    """A case whose products, memory traffic and one launch would take these seconds at the ceilings."""
    return Utilisation(
        flops=1_000_000,
        moved_bytes=1_000_000,
        flops_per_s=1_000_000 / step,
        dtype="float32",
        ceiling_flops_per_s=1_000_000 / compute,
        peak_flops_per_s=None,
        bandwidth_bytes_per_s=None if memory is None else 1_000_000 / memory,
        dispatch_s=launch,
    )


@pytest.mark.parametrize(
    ("seconds", "name"),
    [
        ((0.6, 0.3, 0.01), "compute"),
        ((0.3, 0.6, 0.01), "memory"),
        ((0.01, 0.02, 0.7), "launch"),
        ((0.1, 0.2, 0.1), NEITHER),
        ((0.3, 0.4, None), "memory"),
        # More than the memory could move in the time: the caches served it.
        ((0.3, 1.7, 0.01), "compute"),
        ((0.1, 1.7, 0.01), NEITHER),
    ],
)
def test_what_would_take_longest_at_the_ceilings(seconds: tuple[float, float, float | None], name: str) -> None:
    bound = step_bound(work(*seconds))
    assert bound is not None
    assert (bound.name, bound.profiled) == (name, False)


def test_without_the_bandwidth_it_is_not_known() -> None:
    assert step_bound(work(0.9, None, 0.01)) is None
    assert step_bound(None) is None


@given(st.floats(1e-6, 0.999), st.floats(1e-6, 0.999), st.floats(1e-6, 0.999), st.floats(1e-5, 1e3))
def test_shares_do_not_depend_on_the_length_of_a_step(
    compute: float, memory: float, launch: float, step: float
) -> None:
    use = work(compute * step, memory * step, launch * step, step)
    shares = least_shares(use)
    assert shares == pytest.approx({"compute": compute, "memory": memory, "launch": launch})
    bound = step_bound(use)
    assert bound is not None
    assert (bound.name == NEITHER) == (max(shares.values()) < EXPLAINED)
    assert bound.name == NEITHER or shares[bound.name] == max(shares.values())


@pytest.mark.parametrize(
    ("seconds", "rest"),
    [
        ((0.49, 0.22, 0.01), "28 % to 51 % of the step is not explained by these"),
        ((0.8, 0.4, 0.01), "up to 20 % of the step is not explained by these"),
        # Served by the caches: memory explains nothing.
        ((0.3, 1.7, None), "70 % of the step is not explained by these"),
        ((1.0, 0.5, 0.01), "that is the whole step"),
    ],
)
def test_what_is_not_explained_is_said(seconds: tuple[float, float, float | None], rest: str) -> None:
    bound = step_bound(work(*seconds))
    assert bound is not None
    assert bound.said.endswith(f"; {rest}")
    assert bound.said.startswith(f"at this backend's best speeds the products alone would take {seconds[0]:.0%}"[:-1])


def gaps(**parts: float) -> Gaps:
    return Gaps(**{name: parts.get(name, 0.0) for name in STEP_PARTS}, step=sum(parts.values()))


LAYERS = [
    LayerTime(name="a", type="Dense", time=0.3, share=0.3, bound="launch"),
    LayerTime(name="b", type="Dense", time=0.4, share=0.4, bound="memory"),
    LayerTime(name="c", type="Dense", time=0.2, share=0.2, bound="launch"),
    LayerTime(name="d", type="Dense", time=0.1, share=0.1),
]


def test_a_profile_decides_before_the_ceilings() -> None:
    waiting = Profile(case=CASE, name="mlp", gaps=gaps(input_wait=0.6, device_compute=0.4), layers=LAYERS)
    computing = Profile(case=CASE, name="mlp", gaps=gaps(host_dispatch=0.2, device_compute=0.8), layers=LAYERS)
    without = Profile(case=CASE, name="mlp", gaps=gaps(device_compute=1.0), layers=LAYERS[3:])
    found = [step_bound(work(0.6, 0.3, 0.01), profile) for profile in (waiting, computing, without)]
    assert [bound.name for bound in found if bound] == ["input wait", "launch", "device compute"]
    assert all(bound is not None and bound.profiled for bound in found)
    assert found[1] is not None
    assert found[1].said == (
        "profiled, host dispatch 20 %, device compute 80 % of a step; "
        "layers bound by launch take 50 % of the device time"
    )


def test_a_profile_without_gaps_leaves_it_to_the_ceilings() -> None:
    bound = step_bound(work(0.6, 0.3, 0.01), Profile(case=CASE, name="mlp", gaps=None))
    assert bound is not None
    assert (bound.name, bound.profiled) == ("compute", False)
