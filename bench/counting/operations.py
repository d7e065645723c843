"""MACs of Keras operations (`keras.ops`) met in a graph or in a layer's `call`.

The size is that of the whole call, with its batch. Operations that run a function they are given,
and dense linear algebra, cannot be counted; all other operations of `keras.ops` have no products.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from anatomy.bench.counting.einsum import einsum_macs
from anatomy.bench.counting.shapes import plus, size, spatial, times

# They call functions (unknown work), or are neither elementwise nor a plain product.
UNCOUNTABLE = frozenset(
    [
        "AssociativeScan",
        "Cond",
        "ForiLoop",
        "Map",
        "Scan",
        "Switch",
        "VectorizedMap",
        "WhileLoop",
        "CDist",
        "Corrcoef",
        "Correlate",
        "Cross",
        "Kron",
        "FFT",
        "FFT2",
        "IFFT2",
        "RFFT",
        "IRFFT",
        "STFT",
        "ISTFT",
        "Cholesky",
        "CholeskyInverse",
        "Det",
        "Eig",
        "Eigh",
        "Inv",
        "JVP",
        "Lstsq",
        "LuFactor",
        "Logdet",
        "MatrixRank",
        "Norm",
        "Pinv",
        "Qr",
        "SVD",
        "Slogdet",
        "Solve",
        "SolveTriangular",
        "GaussianBlur",
        "ElasticTransform",
        "SobelEdges",
        "SSIM",
        "CTCLoss",
        "CTCDecode",
    ]
)


def _matmul(op: Any, operands: Sequence[Any], output: Any) -> int | None:
    return times(size(output.shape), operands[0].shape[-1])


def _dot(op: Any, operands: Sequence[Any], output: Any) -> int | None:
    scalar = any(len(operand.shape) == 0 for operand in operands)
    return 0 if scalar else _matmul(op, operands, output)


def _vdot(op: Any, operands: Sequence[Any], output: Any) -> int | None:
    return size(operands[0].shape)


def _tensordot(op: Any, operands: Sequence[Any], output: Any) -> int | None:
    """With m·k and k·n elements in and m·n out, the product of the three sizes is (m·k·n)²."""
    product = times(size(operands[0].shape), size(operands[1].shape), size(output.shape))
    return None if product is None else math.isqrt(product)


def _einsum(op: Any, operands: Sequence[Any], output: Any) -> int | None:
    return einsum_macs(op.subscripts, *(operand.shape for operand in operands))


def _conv(op: Any, operands: Sequence[Any], output: Any) -> int | None:
    return times(output.shape[0], size(spatial(output.shape, _layout(op))), size(operands[1].shape))


def _conv_transpose(op: Any, operands: Sequence[Any], output: Any) -> int | None:
    inputs = operands[0]
    return times(inputs.shape[0], size(spatial(inputs.shape, _layout(op))), size(operands[1].shape))


def _separable_conv(op: Any, operands: Sequence[Any], output: Any) -> int | None:
    kernels = plus(size(operands[1].shape), size(operands[2].shape))
    return times(output.shape[0], size(spatial(output.shape, _layout(op))), kernels)


def _attention(op: Any, operands: Sequence[Any], output: Any) -> int | None:
    """Q·Kᵀ and the weighted sum of V: B·T·S·N·(H + H_v), with (B, T, N, H) operands."""
    query, key, value = operands[:3]
    scores = times(*query.shape[:3], key.shape[1])
    return times(scores, plus(query.shape[3], value.shape[3]))


def attention_output(operands: Sequence[Any], output: Any) -> Any:
    """The symbolic output with the values' size; Keras 3.15 says the queries', which may differ."""
    return type(output)((*output.shape[:-1], operands[2].shape[-1]), dtype=output.dtype)


def _layout(op: Any) -> str:
    import keras

    return str(op.data_format or keras.config.image_data_format())


PRODUCTS: dict[str, Callable[[Any, Sequence[Any], Any], int | None]] = {
    "Matmul": _matmul,
    "Dot": _dot,
    "Inner": _dot,
    "Vdot": _vdot,
    "Tensordot": _tensordot,
    "Einsum": _einsum,
    "Conv": _conv,
    "DepthwiseConv": _conv,
    "ConvTranspose": _conv_transpose,
    "SeparableConv": _separable_conv,
    "DotProductAttention": _attention,
}
