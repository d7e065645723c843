"""MACs of Keras operations (`keras.ops`) met in a graph or in a layer's `call`.

The size is that of the whole call, with its batch. Operations that run a function they are given,
and dense linear algebra, cannot be counted; all other operations of `keras.ops` have no products.
Cutting patches (`ops.image.extract_patches`) is a copy, though backends carry it out as a convolution.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from anatomy.bench.counting.einsum import einsum_pairs
from anatomy.bench.counting.shapes import size, spatial, times

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

# No backend hands a gradient on through them. What is an integer or a truth value has none either.
WITHOUT_GRADIENT = frozenset(["StopGradient", "ZerosLike", "OnesLike", "FullLike"])


def is_countable(operation: Any) -> bool:
    """Whether the products of an operation are known, which may be none."""
    name = type(operation).__name__
    if name == "Norm":
        # Of a matrix, some norms are found by its singular values.
        return operation.ord in (None, "fro", 0, 1, math.inf, -1, -math.inf) or isinstance(operation.axis, int)
    return type(operation).__module__.startswith("keras.") and name not in UNCOUNTABLE


@dataclass(frozen=True)
class Product:
    """One product of two factors; an operation may be several, one after the other.

    Attributes:
        macs: of the whole call, with its batch; `None` if a length is unknown.
        left, right: the places of the operands that each factor is made of.
    """

    macs: int | None
    left: tuple[int, ...] = (0,)
    right: tuple[int, ...] = (1,)


def _matmul(op: Any, operands: Sequence[Any], output: Any) -> list[Product]:
    return [Product(times(size(output.shape), operands[0].shape[-1]))]


def _dot(op: Any, operands: Sequence[Any], output: Any) -> list[Product]:
    scalar = any(len(operand.shape) == 0 for operand in operands)
    return [] if scalar else _matmul(op, operands, output)


def _vdot(op: Any, operands: Sequence[Any], output: Any) -> list[Product]:
    return [Product(size(operands[0].shape))]


def _tensordot(op: Any, operands: Sequence[Any], output: Any) -> list[Product]:
    """With m·k and k·n elements in and m·n out, the product of the three sizes is (m·k·n)²."""
    product = times(size(operands[0].shape), size(operands[1].shape), size(output.shape))
    return [Product(None if product is None else math.isqrt(product))]


def _einsum(op: Any, operands: Sequence[Any], output: Any) -> list[Product]:
    return [Product(*pair) for pair in einsum_pairs(op.subscripts, *(operand.shape for operand in operands))]


def _conv(op: Any, operands: Sequence[Any], output: Any) -> list[Product]:
    return [Product(times(output.shape[0], size(spatial(output.shape, _layout(op))), size(operands[1].shape)))]


def _conv_transpose(op: Any, operands: Sequence[Any], output: Any) -> list[Product]:
    inputs = operands[0]
    return [Product(times(inputs.shape[0], size(spatial(inputs.shape, _layout(op))), size(operands[1].shape)))]


def _separable_conv(op: Any, operands: Sequence[Any], output: Any) -> list[Product]:
    positions = times(output.shape[0], size(spatial(output.shape, _layout(op))))
    depthwise, pointwise = (times(positions, size(kernel.shape)) for kernel in operands[1:3])
    return [Product(depthwise), Product(pointwise, (0, 1), (2,))]


def _attention(op: Any, operands: Sequence[Any], output: Any) -> list[Product]:
    """Q·Kᵀ and the weighted sum of V: B·T·S·N·H and B·T·S·N·H_v, with (B, T, N, H) operands."""
    query, key, value = operands[:3]
    scores = times(*query.shape[:3], key.shape[1])
    return [Product(times(scores, query.shape[3])), Product(times(scores, value.shape[3]), (0, 1), (2,))]


def attention_output(operands: Sequence[Any], output: Any) -> Any:
    """The symbolic output with the values' size; Keras 3.15 says the queries', which may differ."""
    return type(output)((*output.shape[:-1], operands[2].shape[-1]), dtype=output.dtype)


def _layout(op: Any) -> str:
    import keras

    return str(op.data_format or keras.config.image_data_format())


# Class of `keras.ops` → its products, from the operation, its operands and its output.
PRODUCTS: dict[str, Callable[[Any, Sequence[Any], Any], list[Product]]] = {
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
