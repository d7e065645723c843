"""The program of a model in PyTorch: an `nn.Module`, its optimizer and its training step."""

from __future__ import annotations

from anatomy.bench.native import torch_functions
from anatomy.bench.native.function_source import functions_used
from anatomy.bench.native.model_graph import ModelGraph
from anatomy.bench.native.program import Program
from anatomy.bench.native.torch_training import optimizer_lines, step_lines
from anatomy.bench.native.torch_writer import TorchWriter
from anatomy.bench.native.training_plan import TrainingPlan


def torch_program(graph: ModelGraph, plan: TrainingPlan | None, scopes: bool = False) -> Program:
    """Write the program of a graph.

    It defines `Network`, whose `forward` takes and returns a tuple of tensors; with a plan also
    `make_optimizer(network)` and `train_step(network, optimizer, inputs, targets)`, which returns the loss.

    Args:
        graph: for training as `training_plan` returns it.
        plan: how to train; `None` for inference.
        scopes: whether the operations of a layer are under its path in a trace.

    Raises:
        NotImplementedError: a layer has no translation.
    """
    writer = TorchWriter(graph, plan is not None, scopes)
    body = writer.network()
    if plan is not None:
        body += [
            "",
            "",
            *optimizer_lines(plan.optimizer),
            "",
            "",
            *step_lines(plan, [len(t.shape) for t in graph.outputs], writer.output_axes()),
        ]
    functions = functions_used(torch_functions, body)
    lines = [*_imports(functions), *functions, "", "", *body]
    return Program("torch", "\n".join(lines) + "\n", tuple(writer.weights), writer.input_axes(), writer.output_axes())


def _imports(functions: list[str]) -> list[str]:
    text = "\n".join(functions)
    typed = [f"from collections.abc import {', '.join(used)}"] if (used := _used(text, "Callable", "Sequence")) else []
    typed += ["from typing import Any"] if _used(text, "Any") else []
    tensor = "from torch import Tensor, nn" if functions else "from torch import nn"
    return [*typed, *([""] if typed else []), "import torch", "import torch.nn.functional as F", tensor]


def _used(text: str, *names: str) -> list[str]:
    return [name for name in names if name in text]
