"""Networks of other frameworks that a Keras model holds: counted as one layer, with the framework's own counter.

torch's counter sees every matrix product and convolution that a module runs, forward and backward. Of a JAX function,
parameters and output alone are known.
"""

from __future__ import annotations

import contextlib
from typing import Any

import keras

from anatomy.bench.counting.interpreter_state import InterpreterState
from anatomy.bench.counting.layer_counts import TrainedProduct
from anatomy.bench.counting.untraceable import ClosedLayerError, true_reason
from anatomy.models.held_module import HeldModule, run_on_meta
from anatomy.models.held_network import HeldNetwork


def held_network(state: InterpreterState, network: HeldNetwork, args: Any, kwargs: Any) -> Any:
    """List a held network as one layer, with its MACs where its framework counts them; returns its symbolic outputs.

    Raises:
        ClosedLayerError: it does not run on the shapes of the inputs.
    """
    inputs = args[0] if args else kwargs["inputs"]
    try:
        with state.set_visiting(False):
            outputs = network.trace(inputs)
    except Exception as error:  # a user's code may raise anything
        raise ClosedLayerError(f"{network.what} does not run on these shapes: {true_reason(error)}") from error
    frame = state.enter(network, (args, kwargs))
    if isinstance(network, HeldModule):
        try:
            macs, training_macs = _macs(network.network, inputs)
        except Exception as error:  # noqa: BLE001  # likewise
            frame.reasons.append(f"torch's counter fails on it: {true_reason(error)}")
        else:
            frame.has_kernel = macs > 0
            frame.add(state.per_example(macs), 1, None)
            extra = state.per_example(training_macs - macs)
            frame.products.append(TrainedProduct(extra or 0, 1, None))
    else:
        frame.reasons.append(f"the work of {network.what} is not counted")
    trains = any(weight.trainable for weight in network.weights)
    origin = state.find_origin((args, kwargs)).deeper(frame.has_kernel).through(learns=trains)
    return state.close(frame, outputs, origin)


def _macs(module: Any, inputs: Any) -> tuple[int, int]:
    """Multiply-accumulates of a module in inference, and in a training step if it can be run backwards."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    # Without gradients, torch joins operations that its counter does not know.
    with torch.enable_grad():
        with FlopCounterMode(display=False) as forward:
            outputs = run_on_meta(module, inputs, contextlib.nullcontext())
        losses = [leaf.sum() for leaf in keras.tree.flatten(outputs) if leaf.requires_grad]
        with FlopCounterMode(display=False) as backward:
            if losses:
                torch.stack(losses).sum().backward()
    macs = forward.get_total_flops() // 2
    return macs, macs + backward.get_total_flops() // 2
