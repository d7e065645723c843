"""Keras's recurrent layers as `nn.LSTM`, `nn.GRU` and `nn.RNN`."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import layers

from anatomy.bench.native.model_graph import Call
from anatomy.bench.native.program import Array
from anatomy.bench.native.torch_constructors import construct, unless
from anatomy.bench.native.torch_weights import Parameter, arranged
from anatomy.bench.native.torch_writer import TorchWriter
from anatomy.bench.native.translation import translates, untranslatable

# Gates of a GRU: Keras has update, reset, new; torch has reset, update, new. The exchange is its own reverse.
_EXCHANGED = (1, 0, 2)


@translates(layers.LSTM, layers.GRU, layers.SimpleRNN, frameworks=("torch",))
def _recurrent(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    module = writer.module(call, _constructor(call, layer, writer.trains), *_parameters(layer))
    _second_bias(writer, module, layer, "")
    x = writer.keras(call.input)
    if layer.go_backwards:
        x = f"{x}.flip(1)"
    kept = _kept_state(call, writer)
    states = _initial_states(call, writer, kept)
    module_call = f"{module}({x}{states})"
    is_lstm = isinstance(layer, layers.LSTM)
    returned = [call.output] if layer.return_sequences else []
    if returned and not layer.return_state and not kept:
        return writer.assign(call, f"{module_call}[0]")
    if not returned and not layer.return_state and not kept:
        return writer.assign(call, f"{module_call}[1]{'[0]' if is_lstm else ''}[0]")
    sequence, hidden = writer.scratch_names(2)
    names = f"{sequence}, ({hidden}, {hidden}_cell)" if is_lstm else f"{sequence}, {hidden}"
    writer.line(f"{names} = {module_call}")
    found = [hidden, f"{hidden}_cell"] if is_lstm else [hidden]
    for buffer, state in zip(kept, found, strict=False):
        writer.line(f"{buffer} = {state}.detach()")
    output = sequence if layer.return_sequences else f"{hidden}[0]"
    ends = [f"{state}[0]" for state in found] if layer.return_state else []
    return writer.assign(call, ", ".join([output, *ends]))


@translates(layers.Bidirectional, frameworks=("torch",))
def _bidirectional(call: Call, writer: TorchWriter) -> None:
    wrapper = call.operation
    forward, backward = wrapper.forward_layer, wrapper.backward_layer
    if type(forward) not in (layers.LSTM, layers.GRU, layers.SimpleRNN) or type(forward) is not type(backward):
        raise untranslatable(call, f"{type(forward).__name__} inside")
    if wrapper.return_state or len(call.inputs) > 1 or forward.stateful:
        raise untranslatable(call, "states that are given or returned")
    if not backward.go_backwards or forward.go_backwards or forward.cell.units != backward.cell.units:
        raise untranslatable(call, "two layers that are not each other's reverse")
    _constructor(call, backward, writer.trains)
    constructor = _constructor(call, forward, writer.trains).removesuffix(")") + ", bidirectional=True)"
    parameters = (*_parameters(forward), *_parameters(backward, "_reverse"))
    module = writer.module(call, constructor, *parameters)
    for layer, suffix in ((forward, ""), (backward, "_reverse")):
        _second_bias(writer, module, layer, suffix)
    units = forward.cell.units
    if wrapper.return_sequences:
        x = f"{module}({writer.keras(call.input)})[0]"
        if wrapper.merge_mode == "concat":
            return writer.assign(call, x)
        (both,) = writer.scratch_names(1)
        writer.line(f"{both} = {x}")
        there, back = f"{both}[..., :{units}]", f"{both}[..., {units}:]"
    else:
        (last,) = writer.scratch_names(1)
        state = "[0]" if isinstance(forward, layers.LSTM) else ""
        writer.line(f"{last} = {module}({writer.keras(call.input)})[1]{state}")
        there, back = f"{last}[0]", f"{last}[1]"
    merged = {
        "concat": f"torch.cat(({there}, {back}), 1)",
        "sum": f"{there} + {back}",
        "mul": f"{there} * {back}",
        "ave": f"({there} + {back}) / 2",
        None: f"{there}, {back}",
    }
    return writer.assign(call, merged[wrapper.merge_mode])


def _constructor(call: Call, layer: Any, trains: bool) -> str:
    """The module.

    Raises:
        NotImplementedError: the layer has an option that torch's has not.
    """
    cell = layer.cell
    activation, recurrent = (
        getattr(getattr(cell, name, None), "__name__", "") for name in ("activation", "recurrent_activation")
    )
    plain_rnn = isinstance(layer, layers.SimpleRNN)
    fits = activation in ("tanh", "relu") if plain_rnn else (activation, recurrent) == ("tanh", "sigmoid")
    if not fits:
        raise untranslatable(call, f"the activations {activation} {recurrent}".rstrip())
    if isinstance(layer, layers.GRU) and not cell.reset_after:
        raise untranslatable(call, "reset_after=False")
    if trains and (cell.dropout or cell.recurrent_dropout):
        raise untranslatable(call, "dropout within the cell")
    name = "LSTM" if isinstance(layer, layers.LSTM) else "GRU" if isinstance(layer, layers.GRU) else "RNN"
    return construct(
        name,
        cell.kernel.shape[0],
        cell.units,
        nonlinearity=activation if plain_rnn and activation != "tanh" else None,
        bias=unless(cell.use_bias, True),
        batch_first=True,
    )


def _parameters(layer: Any, suffix: str = "") -> tuple[Parameter, ...]:
    cell = layer.cell
    names = (f"weight_ih_l0{suffix}", f"weight_hh_l0{suffix}")
    if isinstance(layer, layers.GRU):
        kernels = tuple(
            Parameter(name, variable, _gates_to_torch, _gates_to_keras)
            for name, variable in zip(names, (cell.kernel, cell.recurrent_kernel), strict=True)
        )
        biases = f"bias_ih_l0{suffix} bias_hh_l0{suffix}"
        both = (Parameter(biases, cell.bias, _exchange_biases, _exchange_biases),) if cell.use_bias else ()
        return (*kernels, *both)
    kernels = (arranged(names[0], cell.kernel, (1, 0)), arranged(names[1], cell.recurrent_kernel, (1, 0)))
    one = (Parameter(f"bias_ih_l0{suffix}", cell.bias),) if cell.use_bias else ()
    return (*kernels, *one)


def _second_bias(writer: TorchWriter, module: str, layer: Any, suffix: str) -> None:
    """Keras's LSTM has one bias and torch's two: the second stays 0."""
    if layer.cell.use_bias and not isinstance(layer, layers.GRU):
        name = f"{module}.bias_hh_l0{suffix}"
        writer.define_once(f"nn.init.zeros_({name}).requires_grad_(False)  # Keras has the other bias alone")


def _exchange_gates(array: Array, axis: int) -> Array:
    gates = np.split(array, 3, axis)
    return np.concatenate([gates[number] for number in _EXCHANGED], axis)


def _gates_to_torch(kernel: Array) -> Array:
    return np.ascontiguousarray(_exchange_gates(kernel, 1).T)


def _gates_to_keras(weight: Array) -> Array:
    return np.ascontiguousarray(_exchange_gates(weight, 0).T)


def _exchange_biases(biases: Array) -> Array:
    return _exchange_gates(biases, 1)


def _kept_state(call: Call, writer: TorchWriter) -> list[str]:
    """The buffers in which a stateful layer keeps its state between batches."""
    layer = call.operation
    if not layer.stateful:
        return []
    names = ("hidden", "cell")
    return [
        writer.parameter(call, _state(name, variable), (1, *variable.shape))
        for name, variable in zip(names, layer.states, strict=False)
    ]


def _state(name: str, variable: Any) -> Parameter:
    return arranged(f"{name}_state", variable, (0, 1), (1, *variable.shape))


def _initial_states(call: Call, writer: TorchWriter, kept: list[str]) -> str:
    given = [f"{writer.keras(tensor)}.unsqueeze(0).contiguous()" for tensor in call.inputs[1:]]
    states = given or kept
    if not states:
        return ""
    return f", ({', '.join(states)})" if isinstance(call.operation, layers.LSTM) else f", {states[0]}"
