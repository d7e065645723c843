"""Dense peaks of known GPUs, from NVIDIA's data sheets. Never the figures "with sparsity": those are twice as high.

Sources, each at https://www.nvidia.com/en-us/data-center/: H100 and H200 Tensor Core GPU data sheets; A100 Tensor
Core GPU data sheet (its figures without asterisk); V100 data sheet; L4, L40S and T4 data sheets. Products of
matrices in float32 outside TF32 run on the CUDA cores.
"""

from __future__ import annotations

_TERA = 1e12
# Beginning of NVML's name → dtype of the operands → dense TFLOP/s. The longest beginning that matches counts.
_DENSE: dict[str, dict[str, float]] = {
    "NVIDIA H100 80GB HBM3": {"float32": 67, "tensorfloat32": 494.7, "bfloat16": 989.4, "float16": 989.4},
    "NVIDIA H100 PCIe": {"float32": 51, "tensorfloat32": 378, "bfloat16": 756, "float16": 756},
    "NVIDIA H200": {"float32": 67, "tensorfloat32": 494.7, "bfloat16": 989.4, "float16": 989.4},
    "NVIDIA A100": {"float32": 19.5, "tensorfloat32": 156, "bfloat16": 312, "float16": 312},
    "Tesla V100-SXM2": {"float32": 15.7, "float16": 125},
    "NVIDIA L40S": {"float32": 91.6, "tensorfloat32": 183, "bfloat16": 362, "float16": 362},
    "NVIDIA L4": {"float32": 30.3, "tensorfloat32": 60, "bfloat16": 121, "float16": 121},
    "Tesla T4": {"float32": 8.1, "float16": 65},
}
# Names that begin like another GPU's.
_OTHERS = ("NVIDIA L40", "NVIDIA H200 NVL")


def dense_peak(device: str, dtype: str) -> float | None:
    """Return the dense peak of a GPU in FLOP/s; `None` for a device or dtype that is not in the table.

    Args:
        device: NVML's name of the device.
        dtype: dtype of the operands: `float32`, `tensorfloat32`, `bfloat16` or `float16`.
    """
    if " MIG" in device:
        # A slice of a GPU has a slice of its peak.
        return None
    fitting = [name for name in (*_DENSE, *_OTHERS) if device.startswith(name)]
    best = max(fitting, key=len, default="")
    tera = _DENSE.get(best, {}).get(dtype)
    return None if tera is None else tera * _TERA
