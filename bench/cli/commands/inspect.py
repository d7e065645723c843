"""`anatomy inspect`: layers, parameters, MACs, activations and memory of a model. Nothing is measured."""

from __future__ import annotations

import contextlib
import json as json_module
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anatomy.bench.cli import options
from anatomy.bench.cli.screens.counts_screen import print_counts
from anatomy.bench.cli.screens.cross_check_screen import print_cross_check
from anatomy.bench.cli.screens.memory_screen import print_memory
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
    from anatomy.bench.memory_estimate.least_memory import LeastMemory, StepMode
    from anatomy.bench.memory_estimate.memory_fit import Fit
    from anatomy.models import ModelSpec
    from anatomy.models.model_name import Kind

STEP_MODES: tuple[StepMode, ...] = ("train", "infer")
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
        int | None,
        typer.Option(min=1, help="What a step on so many takes in memory at least, and whether it may fit."),
    ] = None,
    mode: Annotated[str, typer.Option(help="The step of that memory: train or infer.")] = "train",
    memory_limit: Annotated[
        str | None, typer.Option(help="What it must fit in, e.g. 4GiB. Default: what is free on the GPU, or here.")
    ] = None,
    unsafe: options.Unsafe = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Count layers, parameters, MACs and activations of a model; builds no weights, measures nothing."""
    try:
        (model,) = allow_code_in([model], unsafe=unsafe)
        step_mode, limit_bytes = _memory_options(batch_size, mode, memory_limit)
        spec, found, framework_bytes = _count(model, input_shape or [], dtype, backend)
        counts, shape = found.counts, found.input_shape
        asked = (model, step_mode, batch_size or 0, shape, dtype)
        memory = _memory(*asked, limit_bytes, framework_bytes) if batch_size else None
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
        print(_as_json(spec, counts, check, memory, batch_size or 0))
        return
    if check is not None:
        print_cross_check(format_model(spec.model, spec.options), check)
    else:
        print_counts(format_model(spec.model, spec.options), counts)
    if memory is not None and batch_size:
        from rich.console import Console

        print_memory(Console(highlight=False), memory[0], batch_size, memory[1])


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


def _count(model: str, shapes: list[str], dtype: str | None, backend: str | None) -> tuple[ModelSpec, Inspected, int]:
    """Check what can be checked without Keras, then import it and count; also the bytes of this process with Keras."""
    from anatomy.bench.records.case import DTYPES
    from anatomy.bench.records.input_spec import parse_shapes

    spec = parse_model(model)
    check_model(spec.model, spec.options, Path.cwd())
    input_shape = parse_shapes(shapes)
    if dtype is not None and dtype not in DTYPES:
        raise ValueError(unknown_name("--dtype", dtype, DTYPES))
    _choose_backend(backend, kind_of(spec.model))
    # What a user's module prints must not end up in the JSON.
    with contextlib.redirect_stdout(sys.stderr):
        from anatomy.bench.backends.quiet_import import import_keras_quietly
        from anatomy.bench.machine.peak_memory import resident_bytes

        import_keras_quietly()
        framework_bytes = resident_bytes()
        from anatomy.bench.counting.inspection import inspect_with_shape
        from anatomy.bench.workload.own_data import shapes_of_data

        return spec, inspect_with_shape(model, input_shape, dtype, shapes_of_data), framework_bytes


def _memory_options(batch_size: int | None, mode: str, memory_limit: str | None) -> tuple[StepMode, int | None]:
    """The step whose memory is asked for, and the bytes that it must fit in, if they are given."""
    from anatomy.bench.suites.units import parse_bytes

    step_mode = next((name for name in STEP_MODES if name == mode), None)
    if step_mode is None:
        raise ValueError(unknown_name("--mode", mode, STEP_MODES))
    limit_bytes = None if memory_limit is None else parse_bytes(memory_limit)
    if limit_bytes is not None and batch_size is None:
        raise ValueError("--memory-limit is what a batch must fit in; give --batch-size too")
    return step_mode, limit_bytes


def _memory(
    model: str,
    mode: StepMode,
    batch_size: int,
    shape: InputShape | None,
    dtype: str | None,
    limit_bytes: int | None,
    framework_bytes: int,
) -> tuple[LeastMemory, Fit]:
    """Find the least memory of a step; the options are known to be right."""
    with contextlib.redirect_stdout(sys.stderr):
        from anatomy.bench.memory_estimate.memory_fit import find_fit

        return find_fit(model, mode, batch_size, shape, dtype, limit_bytes, framework_bytes)


def _cross_check(model: str, shape: InputShape | None, dtype: str | None) -> CrossCheck:
    """Count with every counter; the options are known to be right."""
    with contextlib.redirect_stdout(sys.stderr):
        from anatomy.bench.cross_check import Subject, cross_check

        return cross_check(Subject(model, shape, dtype))


def _choose_backend(asked: str | None, kind: Kind) -> None:
    """Set `KERAS_BACKEND`: as asked, as it is set, or for the zoo the installed one that imports quickest.

    A user's function, and what it has saved, may call its backend's own functions, so it gets Keras's configured
    backend; a SavedModel is a graph of TensorFlow.
    """
    from anatomy.bench.backends.available import availability
    from anatomy.bench.records.case import KERAS_BACKENDS

    # What TensorFlow logs after its import.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if asked is not None:
        found = next((availability(backend) for backend in KERAS_BACKENDS if backend == asked), None)
        if found is None:
            raise ValueError(unknown_name("--backend", asked, KERAS_BACKENDS))
        if not found.installed:
            raise ValueError(f"--backend {asked} is not installed; {found.remedy}")
        os.environ["KERAS_BACKEND"] = asked
    elif kind == "folder":
        os.environ["KERAS_BACKEND"] = "tensorflow"
    elif kind == "zoo" and "KERAS_BACKEND" not in os.environ:
        installed = [backend for backend in KERAS_BACKENDS if availability(backend).installed]
        os.environ["KERAS_BACKEND"] = next((name for name in CHEAPEST_FIRST if name in installed), "tensorflow")


def _as_json(
    spec: ModelSpec,
    counts: ModelCounts,
    check: CrossCheck | None,
    memory: tuple[LeastMemory, Fit] | None,
    batch_size: int,
) -> str:
    from anatomy.bench.counting import count_to_dict
    from anatomy.bench.memory_estimate.memory_fit import memory_to_dict

    head = {"model": spec.model, "name": format_model(spec.model, spec.options), "options": spec.options}
    tail = {} if check is None else {"cross_check": check.to_dict()}
    tail |= {} if memory is None else {"memory": memory_to_dict(memory[0], batch_size, memory[1])}
    return json_module.dumps(head | count_to_dict(counts) | tail, indent=2)
