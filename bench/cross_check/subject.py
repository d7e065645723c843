"""The model that is counted, as every counter's process builds it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from anatomy.bench.counting.call_arguments import inference


@dataclass(frozen=True)
class Subject:
    """What to count: arguments of `anatomy inspect`, the same in every process.

    Attributes:
        model: text as `parse_model` reads it.
        input_shape: of one example, where the model leaves lengths open.
        dtype: a Keras dtype policy, or `None` for the one in effect.
    """

    model: str
    input_shape: Any = None
    dtype: str | None = None


def build(subject: Subject, *, weights: bool) -> tuple[Any, Any]:
    """Build the model on this process's backend.

    Args:
        weights: whether to draw their values; without, the model has shapes alone (`abstract_model`).

    Returns:
        The model, and symbolic inputs in the structure that it takes, batch 1 unless the model fixes it.

    Raises:
        ValueError: the model or `input_shape` is wrong, or a length is left open.
    """
    import keras

    from anatomy.bench.counting.abstract_model import abstract_model, dtype_policy
    from anatomy.bench.counting.counter import count_model, symbolic_inputs
    from anatomy.models import build_any, parse_model

    spec = parse_model(subject.model)
    with dtype_policy(subject.dtype), nullcontext() if weights else abstract_model():
        model = build_any(spec.model, spec.options)
        inputs = symbolic_inputs(model, subject.input_shape)
        if any(None in tensor.shape for tensor in keras.tree.flatten(inputs)):
            raise ValueError(f"{subject.model} leaves lengths open: give --input-shape")
        if not isinstance(model, keras.Function):
            # Counting builds the layers of a subclassed model, which its own `built` does not promise.
            count_model(model, subject.input_shape)
            model.built = True
    return model, inputs


def forward_with_specs(model: Any, inputs: Any, spec: Callable[[tuple[int, ...], Any], Any]) -> tuple[Any, list[Any]]:
    """Inference as a pure function of weights and inputs, and a `spec(shape, dtype)` for each of its arguments.

    The weights are arguments, so they need no values.
    """
    import keras

    def forward(trainable: Any, non_trainable: Any, inputs: Any) -> Any:
        return model.stateless_call(trainable, non_trainable, inputs, **inference(model))[0]

    arguments = [model.trainable_variables, model.non_trainable_variables, inputs]
    specs = keras.tree.map_structure(lambda tensor: spec(tuple(tensor.shape), tensor.dtype), arguments)
    return forward, list(specs)
