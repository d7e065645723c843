"""`anatomy inspect`: layers, parameters, MACs, activations and memory of a model. Nothing is measured."""

from __future__ import annotations

import contextlib
import json as json_module
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from anatomy.bench.cli import options
from anatomy.bench.cli.screens.cross_check_screen import print_cross_check
from anatomy.bench.cli.screens.memory_screen import MODES, Fit, estimate, memory_to_dict, print_memory
from anatomy.bench.cli.unsafe_models import allow_code_in
from anatomy.bench.errors import exit_codes
from anatomy.bench.errors.printable import one_line, printable, without_styles
from anatomy.models import check_model, format_model, kind_of, parse_model
from anatomy.models.suggestion import unknown_name

if TYPE_CHECKING:
    from anatomy.bench.counting import ModelCounts
    from anatomy.bench.counting.counter import InputShape
    from anatomy.bench.counting.inspection import Inspected
    from anatomy.bench.cross_check import CrossCheck
    from anatomy.bench.memory_estimate import MemoryEstimate, StepMode
    from anatomy.models import ModelSpec
    from anatomy.models.model_name import Kind

# Installed backends in order of the time `import keras` takes with them: 0.9, 3.1 and 4.5 s on two cores.
CHEAPEST_FIRST = ("jax", "torch", "tensorflow")


def inspect(
    model: options.Model,
    input_shape: Annotated[
        list[str] | None,
        typer.Option(
            "--input-shape",
            "--input",
            help="Of one example, where the model leaves lengths open: 50x100. For several inputs, "
            "NAME=50x100, text/ids=50 in a dict of dicts (repeat, or separate by commas). Default: the shapes of data "
            "that came with the model.",
        ),
    ] = None,
    dtype: Annotated[str | None, typer.Option(help="Dtype policy, e.g. mixed_bfloat16. Default: Keras's.")] = None,
    backend: Annotated[
        str | None,
        typer.Option(help="Keras backend that builds the model. Default: KERAS_BACKEND, else the quickest to import."),
    ] = None,
    cross_check: Annotated[
        bool,
        typer.Option(
            "--cross-check", help="FLOPs beside those of XLA, TensorFlow's profiler and torch, and why they differ."
        ),
    ] = False,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Estimate the memory of a step on so many examples, and whether it fits.")
    ] = None,
    mode: Annotated[str, typer.Option(help="The step of that estimate: train or infer.")] = "train",
    memory_limit: Annotated[
        str | None, typer.Option(help="What it must fit in, e.g. 4GiB. Default: what is free on the GPU, or here.")
    ] = None,
    unsafe: options.Unsafe = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Count layers, parameters, MACs and activations of a model; builds no weights, measures nothing."""
    try:
        (model,) = allow_code_in([model], unsafe=unsafe)
        _check_memory_options(batch_size, mode, memory_limit)
        spec, found = _count(model, input_shape or [], dtype, backend)
        counts, shape = found.counts, found.input_shape
        memory = _memory(model, mode, batch_size, shape, dtype, memory_limit) if batch_size else None
        check = _cross_check(model, shape, dtype) if cross_check else None
    except Exception as error:  # the boundary: a user's function may raise anything
        if raised_by_backend(error) and kind_of(parse_model(model).model) != "zoo":
            raise _usage_error(_what_a_backend_raised(model, error)) from error
        if isinstance(error, ValueError | TypeError):
            raise _usage_error(str(error)) from error
        kind = kind_of(parse_model(model).model)
        if kind == "zoo":
            raise
        if kind != "function" and isinstance(error, NotImplementedError):
            raise _usage_error(str(error)) from error
        raise _usage_error(_what_was_raised(model, error)) from error
    if json:
        print(_as_json(spec, counts, check, memory))
        return
    if check is not None:
        print_cross_check(format_model(spec.model, spec.options), check)
    else:
        _print_tables(spec, counts)
    if memory is not None:
        from rich.console import Console

        print_memory(Console(highlight=False), *memory)


def _usage_error(message: str) -> typer.Exit:
    """Print one line; the exit that follows it."""
    typer.echo(f"anatomy inspect: {' '.join(printable(without_styles(message)).split())}", err=True)
    return typer.Exit(exit_codes.USAGE)


def _what_was_raised(model: str, error: Exception) -> str:
    """What a user's code raised, and where."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{model} raised {one_line(error)} ({place.filename}, line {place.lineno})"


def raised_by_backend(error: BaseException) -> bool:
    """Whether an error was raised by a backend's own code, or by Keras's for that backend."""
    frames = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    inner = frames[-1] if frames else ""
    return inner.startswith("keras.src.backend.") or inner.partition(".")[0] in (*CHEAPEST_FIRST, "jaxlib")


def _what_a_backend_raised(model: str, error: Exception) -> str:
    """What Keras raised on its backend, and the backends on which the model may be right."""
    import keras

    from anatomy.bench.backends.available import installed_backends
    from anatomy.bench.counting.untraceable import true_reason

    used = keras.config.backend()
    others = [backend for backend in CHEAPEST_FIRST if backend in installed_backends() and backend != used]
    remedy = f"; another backend may take it: --backend {' or '.join(others)}" if others else ""
    return f"{model} raised on {used} {true_reason(error)}{remedy}"


def _count(model: str, shapes: list[str], dtype: str | None, backend: str | None) -> tuple[ModelSpec, Inspected]:
    """Check what can be checked without Keras, then import it and count."""
    from anatomy.bench.records.case import DTYPES

    spec = parse_model(model)
    check_model(spec.model, spec.options, Path.cwd())
    input_shape = parse_shapes(shapes)
    if dtype is not None and dtype not in DTYPES:
        raise ValueError(unknown_name("--dtype", dtype, DTYPES))
    _choose_backend(backend, kind_of(spec.model))
    # What a user's module prints must not end up in the JSON.
    with contextlib.redirect_stdout(sys.stderr):
        from anatomy.bench.counting.inspection import inspect_with_shape

        return spec, inspect_with_shape(model, input_shape, dtype, shapes_of_data)


def shapes_of_data(model: Any, data: Any) -> InputShape:
    """The shapes of the inputs in what a builder returned beside its model, as `anatomy run` reads it."""
    from anatomy.bench.workload.model_inputs import shapes_to_count
    from anatomy.bench.workload.own_data import read_own_data

    shapes: InputShape = shapes_to_count(model, read_own_data(data, 1).x)
    return shapes


def _check_memory_options(batch_size: int | None, mode: str, memory_limit: str | None) -> None:
    from anatomy.bench.suites.units import parse_bytes

    if mode not in MODES:
        raise ValueError(unknown_name("--mode", mode, MODES))
    if memory_limit is not None:
        parse_bytes(memory_limit)
        if batch_size is None:
            raise ValueError("--memory-limit is what a batch must fit in; give --batch-size too")


def _memory(
    model: str, mode: str, batch_size: int, shape: InputShape | None, dtype: str | None, memory_limit: str | None
) -> tuple[MemoryEstimate, Fit]:
    """Estimate the memory of a step; the options are known to be right."""
    with contextlib.redirect_stdout(sys.stderr):
        step_mode = cast("StepMode", mode)
        return estimate(model, step_mode, batch_size, shape, dtype, memory_limit)


def _cross_check(model: str, shape: InputShape | None, dtype: str | None) -> CrossCheck:
    """Count with every counter; the options are known to be right."""
    with contextlib.redirect_stdout(sys.stderr):
        from anatomy.bench.cross_check import Subject, cross_check

        return cross_check(Subject(model, shape, dtype))


def parse_shapes(texts: list[str]) -> list[int] | dict[str, list[int]] | None:
    """`["50x100"]` → `[50, 100]`; `["a=50x100,b=7"]` → `{"a": [50, 100], "b": [7]}`; nothing → `None`.

    Raises:
        ValueError: not lengths joined by "x", or several shapes without names.
    """
    parts = [part.strip() for text in texts for part in text.split(",")]
    if len(parts) == 1 and "=" not in parts[0]:
        return _lengths(parts[0])
    named = [part.rpartition("=") for part in parts]
    if not all(name and equals for name, equals, _ in named):
        raise ValueError(f"--input-shape {','.join(parts)}: several shapes need names, as in words=50x100,extra=7")
    if twice := {name for name, _, _ in named if [one for one, _, _ in named].count(name) > 1}:
        raise ValueError(f"--input-shape gives {', '.join(sorted(twice))} twice")
    shapes = {name.strip(): _lengths(said) for name, _, said in named}
    return {name: shape for name, shape in shapes.items() if shape is not None} or None


def _lengths(text: str) -> list[int] | None:
    """The lengths of an input; a dtype and a range, as `anatomy run` takes them, change no count."""
    from anatomy.bench.records.input_spec import parse_spec

    try:
        shape = parse_spec(text).shape
    except ValueError as error:
        raise ValueError(
            f'--input-shape {text!r}: expected positive lengths joined by "x", as in 224x224x3, or scalar'
        ) from error
    return None if shape is None else list(shape)


def _choose_backend(asked: str | None, kind: Kind) -> None:
    """Set `KERAS_BACKEND`: as asked, as it is set, or for the zoo the installed one that imports quickest.

    A user's function, and what it has saved, may call its backend's own functions, so it gets Keras's configured
    backend; a SavedModel is a graph of TensorFlow.
    """
    from anatomy.bench.backends.available import availability
    from anatomy.bench.records.case import BACKENDS

    # TensorFlow writes its banner to the terminal unless told not to before it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if asked is not None:
        found = next((availability(backend) for backend in BACKENDS if backend == asked), None)
        if found is None:
            raise ValueError(unknown_name("--backend", asked, BACKENDS))
        if not found.installed:
            raise ValueError(f"--backend {asked} is not installed; {found.remedy}")
        os.environ["KERAS_BACKEND"] = asked
    elif kind == "folder":
        os.environ["KERAS_BACKEND"] = "tensorflow"
    elif kind == "zoo" and "KERAS_BACKEND" not in os.environ:
        installed = [backend for backend in BACKENDS if availability(backend).installed]
        os.environ["KERAS_BACKEND"] = next((name for name in CHEAPEST_FIRST if name in installed), "tensorflow")


def _as_json(
    spec: ModelSpec, counts: ModelCounts, check: CrossCheck | None, memory: tuple[MemoryEstimate, Fit] | None
) -> str:
    from anatomy.bench.counting import count_to_dict

    head = {"model": spec.model, "name": format_model(spec.model, spec.options), "options": spec.options}
    tail = {} if check is None else {"cross_check": check.to_dict()}
    tail |= {} if memory is None else {"memory": memory_to_dict(*memory)}
    return json_module.dumps(head | count_to_dict(counts) | tail, indent=2)


def _print_tables(spec: ModelSpec, counts: ModelCounts) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    figures = Table.grid(padding=(0, 2))
    figures.add_column()
    figures.add_column(justify="right")
    for name, figure in _figures(counts).items():
        figures.add_row(name, figure)
    layers = Table("layer", "type", "output", box=None, pad_edge=False)
    layers.add_column("parameters", justify="right")
    layers.add_column("MACs", justify="right")
    for layer in counts.layers:
        name = layer.name if layer.call == 1 else f"{layer.name} (call {layer.call})"
        macs = "not counted" if layer.macs is None else f"{layer.macs:,}"
        layers.add_row(name, layer.type, _shape(layer.output_shape), f"{layer.parameters:,}", macs)
    console.print(format_model(spec.model, spec.options), style="bold")
    console.print(layers)
    console.print()
    console.print(figures)
    for layer in counts.uncounted:
        console.print(f"Not counted: {layer.name} ({layer.type}): {layer.note}", markup=False)


def _figures(counts: ModelCounts) -> dict[str, str]:
    """The header figures as text; what depends on layers that could not be counted is not known."""

    def total(figure: int) -> str:
        known = f"{figure:,}"
        return known if not counts.uncounted else f"not known, ≥ {known}" if figure else "not known"

    formula = {"MACs, every open length n": counts.macs_formula} if counts.macs_formula else {}
    return {
        "input": _shape(counts.input_shape),
        "output": _shape(counts.output_shape),
        "parameters": f"{counts.parameters:,}",
        "trainable parameters": f"{counts.trainable_parameters:,}",
        "MACs": total(counts.macs),
        **formula,
        "FLOPs": total(counts.flops),
        "units": total(counts.units),
        "weight layers": f"{counts.weight_layers:,}",
        "depth": f"{counts.depth:,}",
        "activations (bytes)": total(counts.activation_bytes),
    }


def _shape(shape: object) -> str:
    """`[224, 224, 3]` → `224×224×3`; several shapes are joined by commas."""
    if isinstance(shape, dict):
        return ", ".join(f"{name} {_shape(one)}" for name, one in shape.items())
    if isinstance(shape, list) and any(isinstance(part, (list, dict)) for part in shape):
        return ", ".join(map(_shape, shape))
    if isinstance(shape, list):
        return "×".join("?" if length is None else str(length) for length in shape) or "scalar"
    return str(shape)
