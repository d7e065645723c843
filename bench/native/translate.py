"""From a built Keras model to its program in a framework."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import Any

from anatomy.bench.native.model_graph import model_graph
from anatomy.bench.native.program import Program
from anatomy.bench.native.scope_lines import ScopeName
from anatomy.bench.native.training_plan import training_plan
from anatomy.bench.native.translation import Framework, require_translatable
from anatomy.bench.workload.model_outputs import declared_outputs
from anatomy.models.returned_network import is_held


def translate(model: Any, framework: Framework, trains: bool, scope: ScopeName | None = None) -> Program:
    """The program of a functional or Sequential model, or around a network of the user's, with its weights in place.

    Args:
        model: built; for training also compiled.
        framework: in whose layers it is written.
        trains: whether the program has a training step.
        scope: names the operations of a layer in a trace; `None` for no names.

    Raises:
        NotImplementedError: a part of the model has no translation; the message names all such layers.
    """
    held = import_module("anatomy.bench.native.held_graph") if is_held(model) else None
    graph = held.held_graph(model) if held is not None else model_graph(model)
    require_translatable(graph, framework)
    plan = None
    if trains:
        outputs = held.held_outputs(model) if held is not None else declared_outputs(model)
        plan, graph = training_plan(model, outputs, graph)
    writer = import_module(f"anatomy.bench.native.{framework}_program")
    program: Program = getattr(writer, f"{framework}_program")(graph, plan, scope=scope)
    return program if held is None else replace(program, bound=held.bound_names(model))
