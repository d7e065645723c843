"""The program of a model in JAX: pure functions of a dict of weights, for `jax.jit`."""

from __future__ import annotations

from anatomy.bench.native import jax_functions, jax_schedules
from anatomy.bench.native.function_source import functions_used
from anatomy.bench.native.functional_writer import FunctionalWriter
from anatomy.bench.native.model_graph import ModelGraph
from anatomy.bench.native.penalized_places import PenalizedPlaces
from anatomy.bench.native.program import Program
from anatomy.bench.native.scope_lines import LOSS, OPTIMIZER, ScopeName, in_scope
from anatomy.bench.native.source_layout import program_text
from anatomy.bench.native.training_lines import (
    clipping_lines,
    learning_rate_lines,
    loss_expression,
    optimizer_arguments,
    optimizer_slots,
)
from anatomy.bench.native.training_plan import Optimizer, TrainingPlan

_IMPORTS = (
    "import math",
    "from collections.abc import Callable, Mapping, Sequence",
    "from typing import Any",
    "import jax",
    "import jax.numpy as jnp",
    "from jax import lax",
)


def jax_program(graph: ModelGraph, plan: TrainingPlan | None, scope: ScopeName | None = None) -> Program:
    """Write the program of a graph.

    It defines `forward(params, state, inputs, training, key)`, which returns the outputs and the new state; with a plan
    also `init_optimizer(params)` and `train_step(params, state, optimizer, inputs, targets, key)`, which returns the
    loss and the new params, state and optimizer.

    Args:
        graph: for training as `training_plan` returns it.
        plan: how to train; `None` for inference.
        scope: names the operations of a layer in a trace; `None` for no names.

    Raises:
        NotImplementedError: a layer has no translation.
    """
    writer = FunctionalWriter(graph, "jax", plan is not None, scope)
    body = [
        "def forward(params, state, inputs, training=False, key=None):",
        '    """The network: a tuple of outputs, and the new state."""',
        *writer.body(),
    ]
    if plan is not None:
        places = PenalizedPlaces(plan, writer.weights)
        body += places.definitions()
        body += ["", "", *_loss_lines(plan, places, scope), "", "", *_step_lines(plan.optimizer, scope)]
    lines = [*functions_used(jax_functions, body), *functions_used(jax_schedules, body), "", "", *body]
    same = (None,) * len(graph.inputs), (None,) * len(graph.outputs)
    return Program("jax", program_text(_IMPORTS, lines), tuple(writer.weights), *same)


def _loss_lines(plan: TrainingPlan, places: PenalizedPlaces, scope: ScopeName | None) -> list[str]:
    return [
        "def loss_function(params, state, inputs, targets, key):",
        "    outputs, state = forward(params, state, inputs, True, key)",
        *in_scope([f"    loss = {loss_expression(plan, 'params', places)}"], "jax", LOSS, scope),
        "    return loss, state",
    ]


def _step_lines(optimizer: Optimizer, scope: ScopeName | None) -> list[str]:
    zeros = "".join(f', "{slot}": jax.tree.map(jnp.zeros_like, params)' for slot in optimizer_slots(optimizer))
    call = f"{optimizer.name.lower()}(params, gradients, optimizer, {optimizer_arguments(optimizer)})"
    rate = learning_rate_lines(optimizer, 'optimizer["steps"] - 1')
    update = [*clipping_lines(optimizer), *rate, f"params, optimizer = {call}"]
    return [
        "def init_optimizer(params):",
        f'    return {{"steps": jnp.zeros((), int){zeros}}}',
        "",
        "",
        "def train_step(params, state, optimizer, inputs, targets, key):",
        '    optimizer = {**optimizer, "steps": optimizer["steps"] + 1}',
        '    key = jax.random.fold_in(key, optimizer["steps"])',
        "    gradient = jax.value_and_grad(loss_function, has_aux=True)",
        "    (loss, state), gradients = gradient(params, state, inputs, targets, key)",
        *in_scope([f"    {line}" for line in update], "jax", OPTIMIZER, scope),
        "    return loss, params, state, optimizer",
    ]
