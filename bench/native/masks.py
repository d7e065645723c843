"""Whether a layer or the loss uses the mask that Keras passes along beside a tensor: no program has such masks."""

from __future__ import annotations

from anatomy.bench.native.activations import Activation
from anatomy.bench.native.model_graph import Call, ModelGraph, Tensor
from anatomy.bench.native.translation import untranslatable


def require_no_masks(graph: ModelGraph, trains: bool) -> None:
    """Raise where a mask of `Embedding(mask_zero=True)` or of `Masking` comes to a layer that uses it.

    Args:
        graph: the calls.
        trains: whether there is a loss, which leaves out what is masked at an output.

    Raises:
        NotImplementedError: a mask is used.
    """
    masked: set[Tensor] = set()
    for call in graph.calls:
        if _makes_mask(call):
            masked |= set(call.outputs)
        elif masked.intersection(call.inputs):
            if getattr(call.operation, "_call_has_mask_arg", False):
                raise untranslatable(call, "a mask")
            if isinstance(call.operation, Activation) or getattr(call.operation, "supports_masking", False):
                masked |= set(call.outputs)
    if trains and masked.intersection(graph.outputs):
        raise NotImplementedError("the loss leaves out what is masked in the input, which is not translated")


def _makes_mask(call: Call) -> bool:
    from keras import layers

    if isinstance(call.operation, layers.Masking):
        raise untranslatable(call, "a mask")
    return isinstance(call.operation, layers.Embedding) and bool(call.operation.mask_zero)
