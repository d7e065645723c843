"""The program of a model in TensorFlow: a `tf.Module` of variables, whose methods are for `tf.function`."""

from __future__ import annotations

from anatomy.bench.native import tensorflow_functions, tensorflow_schedules
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
from anatomy.bench.native.training_plan import TrainingPlan

_IMPORTS = (
    "import math",
    "from collections.abc import Mapping, Sequence",
    "from typing import Any",
    "import tensorflow as tf",
)


def tensorflow_program(graph: ModelGraph, plan: TrainingPlan | None, scope: ScopeName | None = None) -> Program:
    """Write the program of a graph.

    It defines `forward(params, state, inputs, training, key)`, which returns the outputs and the new state, and
    `Network(params, state)` with dicts of variables: its method `infer(inputs)` returns the outputs; with a plan it
    also has `train_step(inputs, targets)`, which changes the variables and returns the loss.

    Args:
        graph: for training as `training_plan` returns it.
        plan: how to train; `None` for inference.
        scope: names the operations of a layer in a trace; `None` for no names.

    Raises:
        NotImplementedError: a layer has no translation.
    """
    writer = FunctionalWriter(graph, "tensorflow", plan is not None, scope)
    forward = writer.body()
    places = None if plan is None else PenalizedPlaces(plan, writer.weights)
    body = [
        "def forward(params, state, inputs, training=False, key=None):",
        '    """The network: a tuple of outputs, and the new state."""',
        *forward,
        *([] if places is None else places.definitions()),
        "",
        "",
        *_network_lines(plan, places, scope),
    ]
    lines = [*functions_used(tensorflow_functions, body), *functions_used(tensorflow_schedules, body), "", "", *body]
    same = (None,) * len(graph.inputs), (None,) * len(graph.outputs)
    return Program("tensorflow", program_text(_IMPORTS, lines), tuple(writer.weights), *same)


def _network_lines(plan: TrainingPlan | None, places: PenalizedPlaces | None, scope: ScopeName | None) -> list[str]:
    lines = [
        "class Network(tf.Module):",
        '    """The network with its variables, by layer and name: trained ones and others."""',
        "",
        "    def __init__(self, params, state):",
        "        super().__init__()",
        "        self.params, self.state = params, state",
    ]
    if plan is not None:
        lines += [
            '        self.optimizer = {"steps": tf.Variable(0, trainable=False)}',
            f"        for slot in {optimizer_slots(plan.optimizer)}:",
            "            zeros = lambda p: tf.Variable(tf.zeros_like(p), trainable=False)",
            "            self.optimizer[slot] = tf.nest.map_structure(zeros, params)",
        ]
    lines += [
        "",
        "    def infer(self, inputs):",
        "        return forward(self.params, self.state, inputs)[0]",
    ]
    return lines if plan is None or places is None else lines + _step_lines(plan, places, scope)


def _step_lines(plan: TrainingPlan, places: PenalizedPlaces, scope: ScopeName | None) -> list[str]:
    import keras

    arguments = optimizer_arguments(plan.optimizer)
    call = f"{plan.optimizer.name.lower()}(self.params, gradients, self.optimizer, {arguments})"
    rate = learning_rate_lines(plan.optimizer, f'tf.cast(self.optimizer["steps"] - 1, tf.{keras.config.floatx()})')
    update = [*clipping_lines(plan.optimizer), *rate, call]
    return [
        "",
        "    def train_step(self, inputs, targets):",
        "        with tf.GradientTape() as tape:",
        "            outputs, state = forward(self.params, self.state, inputs, training=True)",
        *in_scope([f"            loss = {loss_expression(plan, 'self.params', places)}"], "tensorflow", LOSS, scope),
        "        zero = tf.UnconnectedGradients.ZERO",
        "        gradients = tape.gradient(loss, self.params, unconnected_gradients=zero)",
        "        for variable, value in zip(tf.nest.flatten(self.state), tf.nest.flatten(state)):",
        "            if value is not variable:",
        "                variable.assign(value)",
        '        self.optimizer["steps"].assign_add(1)',
        *in_scope([f"        {line}" for line in update], "tensorflow", OPTIMIZER, scope),
        "        return loss",
    ]
