"""The program of a model in PyTorch: an `nn.Module`, its optimizer and its training step."""

from __future__ import annotations

from anatomy.bench.native import torch_functions, torch_schedules
from anatomy.bench.native.function_source import functions_used
from anatomy.bench.native.model_graph import ModelGraph
from anatomy.bench.native.penalized_places import PenalizedPlaces
from anatomy.bench.native.program import Program
from anatomy.bench.native.scope_lines import ScopeName
from anatomy.bench.native.source_layout import program_text
from anatomy.bench.native.torch_training import optimizer_lines, places_of, require_clippable, step_lines
from anatomy.bench.native.torch_writer import TorchWriter
from anatomy.bench.native.training_plan import TrainingPlan

_IMPORTS = (
    "import bisect",
    "import math",
    "from collections.abc import Callable, Mapping, Sequence",
    "from typing import Any",
    "import torch",
    "import torch.nn.functional as F",
    "from torch import Tensor, nn",
)


def torch_program(graph: ModelGraph, plan: TrainingPlan | None, scope: ScopeName | None = None) -> Program:
    """Write the program of a graph.

    It defines `Network`, whose `forward` takes and returns a tuple of tensors; with a plan also
    `make_optimizer(network)` and `train_step(network, optimizer, inputs, targets)`, which returns the loss.

    Args:
        graph: for training as `training_plan` returns it.
        plan: how to train; `None` for inference.
        scope: names the operations of a layer in a trace; `None` for no names.

    Raises:
        NotImplementedError: a layer has no translation.
    """
    writer = TorchWriter(graph, plan is not None, scope)
    body = writer.network()
    if plan is not None:
        if not any(weight.variable.trainable for weight in writer.weights):
            raise NotImplementedError("the model has no weight to train; use --mode infer")
        places = PenalizedPlaces(plan, writer.weights)
        require_clippable(plan.optimizer, writer.weights)
        body += [
            *places.definitions(places_of),
            "",
            "",
            *optimizer_lines(plan, places),
            "",
            "",
            *step_lines(plan, places, [len(t.shape) for t in graph.outputs], writer.output_axes(), scope),
        ]
    lines = [*functions_used(torch_functions, body), *functions_used(torch_schedules, body), "", "", *body]
    source = program_text(_IMPORTS, lines)
    return Program("torch", source, tuple(writer.weights), writer.input_axes(), writer.output_axes())
