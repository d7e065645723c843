"""What holds a layer back."""

from __future__ import annotations

from typing import Any

import pytest

from anatomy.bench.profiling.layer_index import LayerEntry, LayerIndex
from anatomy.bench.profiling.profile_tables import make_profile
from anatomy.bench.profiling.roofline_bound import CaseCeilings, LayerCeilings, case_ceilings, roofline_bound
from anatomy.bench.profiling.trace_events import Interval, Trace, TraceEvent, Work
from tests.factories import make_ceiling, make_record

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


def ceilings_of(**settings: Any) -> CaseCeilings:
    """Of a GPU on which products were measured in these dtypes."""
    rates = {"float32": 1e12, "tensorfloat32": 4e12, "bfloat16": 8e12, "float16": 9e12}
    measured = make_ceiling(device="NVIDIA H200", matmul_flops_per_s=rates, bandwidth_bytes_per_s=1e11)
    record = make_record(settings={"device": "NVIDIA H200", **settings}, case={"backend": measured.backend})
    found = case_ceilings(record, [measured])
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("settings", "dtype", "on_cudnn", "expected"),
    [
        # Torch: products in float32, unless switched; cuDNN has a switch of its own.
        ({"tf32": False, "cudnn_tf32": True, "matmul_precision": "highest"}, "float32", False, "float32"),
        ({"tf32": False, "cudnn_tf32": True, "matmul_precision": "highest"}, "float32", True, "tensorfloat32"),
        ({"tf32": True, "cudnn_tf32": False, "matmul_precision": "high"}, "float32", False, "tensorfloat32"),
        ({"tf32": False, "cudnn_tf32": False, "matmul_precision": "highest"}, "float32", True, "float32"),
        # JAX leaves it open.
        ({"tf32": None, "matmul_precision": "default"}, "float32", False, "tensorfloat32"),
        ({"tf32": None, "matmul_precision": "default"}, "float32", True, "tensorfloat32"),
        # A layer of another policy than most.
        ({"dtype_policy": "mixed_bfloat16", "tf32": False, "matmul_precision": "highest"}, "float32", False, "float32"),
        (
            {"dtype_policy": "mixed_bfloat16", "tf32": False, "matmul_precision": "highest"},
            "bfloat16",
            True,
            "bfloat16",
        ),
        ({"dtype_policy": "mixed_float16", "tf32": False, "matmul_precision": "highest"}, "float16", False, "float16"),
        # Not known of the layer: that of the case.
        ({"dtype_policy": "mixed_float16", "tf32": False, "matmul_precision": "highest"}, "", False, "float16"),
    ],
)
def test_a_layers_ceiling_is_that_of_its_own_dtype(
    settings: dict[str, Any], dtype: str, on_cudnn: bool, expected: str
) -> None:
    found = ceilings_of(**settings).of_layer(dtype, on_cudnn)
    assert found.dtype == expected
    rate = {"float32": 1e12, "tensorfloat32": 4e12, "bfloat16": 8e12, "float16": 9e12}[expected]
    assert (found.flops_per_s, found.bandwidth_bytes_per_s) == (rate, 1e11)


def test_without_ceilings_of_the_device_there_are_none() -> None:
    assert case_ceilings(make_record(), []) is None


def test_a_profile_says_which_product_was_not_measured() -> None:
    ceilings = CaseCeilings(whole=LayerCeilings(bandwidth_bytes_per_s=1e9, dtype="tensorfloat32"))
    layers = LayerIndex([LayerEntry("dense", "Dense", None, 100, 100)])
    trace = Trace([Interval(0, 1)], events=[TraceEvent(0, 1, Work("dense", "dot", "matrix product", "forward"))])
    taken = make_profile(trace, layers, [1.0], 1, 1.0, ceilings)
    assert taken.not_measured["ceiling_share"] == "the ceilings have no matrix product in tensorfloat32"
    assert taken.layers[0].ceiling_share is None
