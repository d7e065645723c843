"""A layer that is applied to each step of time by itself."""

from __future__ import annotations

from keras import layers

from anatomy.bench.native.activations import activation_of
from anatomy.bench.native.functional_activations import activation_expression
from anatomy.bench.native.functional_writer import BOTH, FunctionalWriter
from anatomy.bench.native.model_graph import Call, Tensor
from anatomy.bench.native.translation import translates, translator_of, untranslatable

# They take any number of axes before the last.
_OF_ANY_RANK = (layers.Dense, layers.Activation, layers.ReLU, layers.LeakyReLU)


@translates(layers.TimeDistributed, frameworks=BOTH)
def _time_distributed(call: Call, writer: FunctionalWriter) -> None:
    inner, (_, steps, *sizes) = call.operation.layer, call.input.shape
    translator = translator_of(inner, writer.framework)
    activation = activation_of(inner)
    folds = not isinstance(inner, _OF_ANY_RANK)
    if translator is None and not isinstance(inner, _OF_ANY_RANK):
        raise untranslatable(call, f"a layer without a translation inside ({type(inner).__name__})")
    if isinstance(inner, layers.BatchNormalization) and writer.trains:
        raise untranslatable(call, "batch normalisation inside, which takes the statistics of each step")
    if folds and steps is None:
        raise untranslatable(call, "an open number of steps")
    x = writer.value(call.input)
    if translator is None:
        assert activation is not None
        return writer.assign(call, activation_expression(call, activation, x, writer.framework))
    tensor = Tensor(-1, (None, *sizes) if folds else call.input.shape, call.input.dtype)
    with writer.standing_for(tensor, f"fold_time({x})" if folds else x):
        translator(Call(inner, f"{call.path}/{inner.name}", (tensor,), {}, (call.output,), call.training), writer)
    name = writer.value(call.output)
    if activation is not None and activation.name != "linear":
        writer.line(f"{name} = {activation_expression(call, activation, name, writer.framework)}")
    if folds:
        writer.line(f"{name} = unfold_time({name}, {steps})")
    return None
