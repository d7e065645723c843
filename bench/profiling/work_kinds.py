"""Classify an operation's kind of work, by its name in any backend's vocabulary and by its layer.

The vocabularies: HLO's opcodes (https://openxla.org/xla/operation_semantics), TensorFlow's operations
(https://www.tensorflow.org/api_docs/python/tf/raw_ops), ATen's functions and autograd's nodes, OpenVINO's operations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from anatomy.bench.gpu_trace.kernel_kinds import KernelKind, kernel_kind
from anatomy.bench.gpu_trace.recorded_work import DeviceWork
from anatomy.bench.records.case_profile import OPTIMIZER, Kind

# A pattern that must be a whole word: `sum`, but not `consume`.
_WORD = r"(?<![a-z])(?:{})(?![a-z])"
# The first match decides. Names are split into words at capitals and lower-cased.
_PATTERNS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    (
        "communication",
        ("all-?_?reduce", "all-?_?gather", "all-?_?to-?_?all", "reduce-scatter", "collective", "nccl", "c10d", "gloo"),
    ),
    # `convert` and `conversion` are casts.
    ("convolution", ("conv(?!er[ts])",)),
    (
        "matrix product",
        (
            _WORD.format("dot|dot_general|b?mm|addmm|addmv|addbmm|baddbmm|bmm|mv|linear|tensordot"),
            *("mat_?mul", "gemm", "einsum", "inner_?product", "fully_?connected", "(?:mm|linear)_backward"),
        ),
    ),
    ("recurrent", ("lstm", "rnn", _WORD.format("gru"))),
    (
        "normalisation",
        ("batch_?-?norm", "layer_?-?norm", "group_?-?norm", "rms_?norm", _WORD.format("lrn|mvn|local_response_norm")),
    ),
    # Selection by a condition is element-wise; selection by an index moves data.
    ("element-wise", (r"^select(?:_v2)?$", r"^where$", "where_backward", "aten::where")),
    ("reduction", ("reduce", "pool", "softmax", "select-and-scatter", "log_?sum_?exp", "top_?k", "sort", "cum_?sum")),
    ("reduction", (_WORD.format("sum|mean|amax|amin|prod|norm|argmax|argmin|arg_max|arg_min|bincount|count_nonzero"),)),
    ("reduction", ("(?:sum|mean|prod|norm)_backward", "bias_add_grad")),
    (
        "data movement",
        (
            *("transpose", "permute", "copy", "concat", "split", "slice", "gather", "scatter", "embedding", "index"),
            *("reshape", "view", "expand", "broadcast", "tile", "repeat", "reverse", "stack", "contiguous", "clone"),
            *("as_strided", "squeeze", "narrow", "flatten", "bitcast", "iota", "fill", "read_?variable", "assign"),
            *(
                "identity",
                "constant",
                "infeed",
                "outfeed",
                "tensor_list",
                "resize",
                "upsampl",
                "interpolat",
                "space_?to",
            ),
            *(
                "depth_?to",
                "reorder",
                "unfold",
                "unbind",
                "accumulate_grad",
                "shape",
                "aten::select",
                "select_backward",
            ),
            _WORD.format(
                "_?send|_?recv|cat|cat_backward|pad|rev|to|zeros|zeros_like|ones|ones_like|empty|empty_like|full|roll|lift|detach|item|pack|unpack|chunk"
            ),
        ),
    ),
)
_COMPILED = tuple((kind, re.compile("|".join(patterns))) for kind, patterns in _PATTERNS)
# Operations that Grappler's remapper merges from several: `_FusedConv2D`, `_MklNativeFusedMatMul`, `_FusedBatchNormEx`.
# Plain batch normalisation has "fused" in its name too, but is one operation.
_REMAPPED = re.compile(r"^_\w*Fused(?!BatchNorm(?:Grad)?(?:V\d)?$)")
# An operation merged from several has the kind of the heaviest.
HEAVIEST_FIRST: tuple[Kind, ...] = (
    "communication",
    "convolution",
    "matrix product",
    "recurrent",
    "normalisation",
    "reduction",
    "element-wise",
    "data movement",
)

# What layers are computed for; all else in a fusion goes with it.
HEAVY: tuple[Kind, ...] = ("convolution", "matrix product")
# What a kernel's own name says; of all others the operation decides.
_OF_KERNELS: Mapping[KernelKind, Kind] = {
    "matrix product": "matrix product",
    "convolution": "convolution",
    "normalisation": "normalisation",
    "element-wise": "element-wise",
    "reduction": "reduction",
    "copy": "data movement",
    "collective": "communication",
    "optimizer": "optimizer",
}


def kind_of_operation(name: str) -> Kind:
    """The kind of an operation by its name alone; `element-wise` if nothing else matches."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return next((kind for kind, pattern in _COMPILED if pattern.search(text)), "element-wise")


def kind_of(name: str, layer: str | None, family: Kind | None) -> Kind:
    """The kind of an operation by its name and its layer.

    Args:
        family: `recurrent` or `normalisation` for a layer of that family, whose operations are all of that kind.
    """
    return kind_within(kind_of_operation(name), layer, family)


def kind_within(found: Kind, layer: str | None, family: Kind | None) -> Kind:
    """The kind of an operation within a layer; `found` is its kind by its name alone. See `kind_of`."""
    if found == "communication":
        return found
    return "optimizer" if layer == OPTIMIZER else family or found


def kind_of_kernel(work: DeviceWork, operation: str, layer: str | None, family: Kind | None) -> Kind:
    """The kind of work of a GPU, by the kernel's name, the operation that launched it, and its layer.

    A convolution stays one if a library computes it as a matrix product.

    Args:
        operation: empty if it is not known.
    """
    if work.type != "kernel":
        return "communication" if work.direction == "PtoP" else kind_within("data movement", layer, family)
    by_operation = kind_of_operation(operation) if operation else None
    found = _OF_KERNELS.get(kernel_kind(work.name))
    if found is None or (found in HEAVY and by_operation in HEAVY):
        found = by_operation or found or "element-wise"
    return kind_within(found, layer, family)


def is_remapped(name: str) -> bool:
    """Whether the name is that of a TensorFlow operation merged from several."""
    return _REMAPPED.search(name) is not None


def heaviest(kinds: list[Kind]) -> Kind:
    """The kind of an operation merged from operations of these kinds; `element-wise` for none."""
    return min(kinds, key=HEAVIEST_FIRST.index, default="element-wise")
