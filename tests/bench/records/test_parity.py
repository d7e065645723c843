from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.records.parity import Manifest, differences, manifest
from tests.factories import make_counts

TENSORFLOW = {
    "dtype_policy": "float32",
    "layout": "channels_last",
    "optimizer": "SGD",
    "initialisers": "numpy",
    "jit": False,
    "threads_intra": 2,
    "threads_inter": 2,
    "tf32": None,
    "matmul_precision": "float32",
    "device": "cpu",
    "donated_buffers": False,
}

settings = st.dictionaries(
    st.sampled_from([*TENSORFLOW, "streams"]),
    st.none() | st.booleans() | st.integers() | st.sampled_from(["default", "cpu", "f32", "x"]),
)


def test_every_named_setting_is_in_the_manifest() -> None:
    found = manifest(TENSORFLOW, make_counts(7))
    assert found == Manifest(
        jit=False,
        matmul_precision="float32",
        tf32=False,
        cudnn_tf32=False,
        layout="channels_last",
        dtype_policy="float32",
        threads_intra=2,
        threads_inter=2,
        optimizer="SGD",
        donated_buffers=False,
        parameters=7,
        device="cpu",
    )


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("jit", True),
        ("tf32", True),
        ("cudnn_tf32", True),
        ("matmul_precision", "bf16"),
        ("layout", "channels_first"),
        ("dtype_policy", "mixed_float16"),
        ("threads_intra", 4),
        ("threads_inter", 0),
        ("optimizer", "Adam"),
        ("donated_buffers", True),
        ("device", "NVIDIA H100"),
    ],
)
def test_a_planted_difference_is_found(name: str, other: object) -> None:
    stated = TENSORFLOW | {"tf32": False, "cudnn_tf32": False}
    found = differences(manifest(stated, None), manifest(stated | {name: other}, None))
    assert set(found) == {name}


def test_parameter_counts_differ() -> None:
    assert differences(manifest({}, make_counts(1)), manifest({}, make_counts(2))) == {"parameters": (1, 2)}


def test_settings_that_are_not_named_differ_too() -> None:
    a, b = manifest({"streams": 1}, None), manifest({"streams": 2}, None)
    assert differences(a, b) == {"streams": (1, 2)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"matmul_precision": "highest"}, {"matmul_precision": "f32"}),
        ({"matmul_precision": "default", "device": "cpu"}, {"matmul_precision": "float32", "device": "cpu"}),
        ({"matmul_precision": "default", "tf32": True}, {"matmul_precision": "high", "tf32": True}),
        ({"matmul_precision": "bf16"}, {"matmul_precision": "bfloat16"}),
        ({"device": "cpu", "tf32": None}, {"device": "cpu", "tf32": False}),
        ({"device": "cpu", "cudnn_tf32": None}, {"device": "cpu", "cudnn_tf32": False}),
        ({"device": "NVIDIA H100", "cudnn_tf32": None}, {"device": "NVIDIA H100", "cudnn_tf32": True}),
        ({"jit": True}, {"jit": None}),
        ({"initialisers": "numpy"}, {"initialisers": "keras"}),
    ],
)
def test_what_means_the_same_does_not_differ(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert differences(manifest(one, None), manifest(other, None)) == {}


@pytest.mark.parametrize(
    ("stated", "dtype"),
    [
        ({}, "float32"),
        ({"matmul_precision": "default", "device": "cpu"}, "float32"),
        ({"matmul_precision": "default", "device": "NVIDIA H100"}, "tensorfloat32"),
        ({"matmul_precision": "default", "device": "gpu", "tf32": False}, "float32"),
        ({"matmul_precision": "highest", "device": "NVIDIA H100", "tf32": True}, "tensorfloat32"),
        ({"matmul_precision": "highest", "device": "NVIDIA H100", "tf32": False, "cudnn_tf32": True}, "tensorfloat32"),
        ({"matmul_precision": "highest", "device": "NVIDIA H100", "tf32": False, "cudnn_tf32": None}, "float32"),
        ({"dtype_policy": "mixed_bfloat16", "device": "NVIDIA H100", "cudnn_tf32": True}, "bfloat16"),
        ({"matmul_precision": "bf16", "dtype_policy": "float32"}, "bfloat16"),
        ({"matmul_precision": "float32", "dtype_policy": "mixed_float16"}, "float16"),
        # The last layer stays in float32, as the zoo's do.
        ({"matmul_precision": "float32", "dtype_policy": "mixed_bfloat16, float32"}, "bfloat16"),
        ({"dtype_policy": "float32, mixed_float16"}, "float16"),
    ],
)
def test_the_dtype_of_products(stated: dict[str, Any], dtype: str) -> None:
    assert manifest(stated, None).product_dtype == dtype


@given(settings, settings)
def test_differences_are_symmetric_and_none_with_oneself(one: dict[str, Any], other: dict[str, Any]) -> None:
    a, b = manifest(one, None), manifest(other, None)
    assert differences(a, a) == {}
    assert differences(a, b) == {name: pair[::-1] for name, pair in differences(b, a).items()}


@given(settings)
def test_a_manifest_survives_json(stated: dict[str, Any]) -> None:
    found = manifest(stated, None)
    assert Manifest.model_validate_json(found.model_dump_json()) == found
