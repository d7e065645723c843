"""Dense peaks of known GPUs."""

from __future__ import annotations

import pytest

from anatomy.reports.gpu_peaks import dense_peak


@pytest.mark.parametrize(
    ("device", "dtype", "tera"),
    [
        ("NVIDIA H100 80GB HBM3", "bfloat16", 989.4),
        ("NVIDIA H100 PCIe", "bfloat16", 756),
        ("NVIDIA A100-SXM4-80GB", "tensorfloat32", 156),
        ("NVIDIA A100-SXM4-80GB MIG 3g.40gb", "tensorfloat32", None),
        ("NVIDIA L40S", "float16", 362),
        ("NVIDIA L4", "float16", 121),
        ("NVIDIA L40", "float16", None),
        ("NVIDIA H200 NVL", "float16", None),
        ("Tesla T4", "bfloat16", None),
        ("cpu", "float32", None),
    ],
)
def test_the_longest_name_that_fits_counts(device: str, dtype: str, tera: float | None) -> None:
    assert dense_peak(device, dtype) == (None if tera is None else pytest.approx(tera * 1e12))
