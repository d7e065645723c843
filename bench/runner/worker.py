"""Measure one case in this process: build → compile → warm up → measure → probe.

Runs in a fresh process forked by the host. Every fact is emitted as soon as it is known, so that a
worker that dies leaves behind what it had found.
"""

from __future__ import annotations

import math
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from anatomy.bench.counting import count_model
from anatomy.bench.errors.anatomy_error import InvalidCaseError
from anatomy.bench.measurement.alternating_steps import Turns, measure_turns
from anatomy.bench.measurement.measure_case import Emit, measure_loop, measure_step, phase
from anatomy.bench.parallel.device_group import Build, Group, open_group, require_shareable
from anatomy.bench.parallel.multinode_group import follow_node_0, open_spanning_group
from anatomy.bench.parallel.reference_steps import build_calm, follow
from anatomy.bench.parallel.rendezvous import Span
from anatomy.bench.profiling.roofline_bound import LayerCeilings
from anatomy.bench.records.case import LOOPS, Case
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.runner.import_origin import Origin, loaded_files
from anatomy.bench.script.expression import InexpressibleError
from anatomy.bench.script.generate_script import script_of
from anatomy.bench.workload.build_case import build
from anatomy.bench.workload.synthetic_batch import SEED

# Sums over all devices that are timed by themselves.
EXCHANGES = 10
# What each framework's out-of-memory error says, since their classes cannot all be imported here.
_OUT_OF_MEMORY = (
    "RESOURCE_EXHAUSTED",
    "ResourceExhausted",
    "OutOfMemory",
    "out of memory",
    "can't allocate memory",
)


def run_case(
    case: Case,
    settings: MeasureSettings,
    emit: Emit,
    turns: Turns | None = None,
    origin: Origin | None = None,
    span: Span | None = None,
) -> None:
    """Measure `case` and emit its facts, then one `result`; never raises.

    Args:
        span: the nodes of a case on several.
        turns: take part in a pair of processes instead of measuring alone.
        origin: the tree that its code must come from, where there is another.
    """
    with _reported(emit):
        if case.mode == "count":
            _count(case, emit, origin)
        else:
            with _group(case, emit, span=span) as group:
                _measure(case, settings, group, emit, turns, origin)


def run_trajectory(case: Case, emit: Emit, span: Span | None = None) -> None:
    """Train `case` for a few steps and emit what they did, then one `result`; never raises."""
    emit("phase", {"name": "trajectory"})
    with _reported(emit), _group(case, emit, build_calm, span) as group:
        emit("trajectory", follow(case, group).model_dump())


def run_profile(
    case: Case,
    settings: MeasureSettings,
    emit: Emit,
    folder: Path,
    ceilings: LayerCeilings | None = None,
    origin: Origin | None = None,
) -> None:
    """Trace a few steps of `case` and emit where their time went, then one `result`; never raises.

    Args:
        folder: in which the trace is left.
        ceilings: of the machine; null where they were not measured.
    """
    from anatomy.bench.profiling.profile_case import require_profilable, take_profile

    with _reported(emit), _group(case, emit) as group:
        require_profilable(case, group)
        with phase("build", emit), group.building():
            built = build(case)
        _require_own(origin)
        take_profile(case, settings, group, built, folder, ceilings, emit)


def run_follower(case: Case, emit: Emit, span: Span, calm: bool) -> None:
    """Take part in a case that node 0 measures (if `calm`, whose trajectory it takes), then emit one `result`."""
    emit("phase", {"name": "follow"})
    with _reported(emit):
        require_shareable(case)
        follow_node_0(case, build_calm if calm else build, emit, span)


def find_models(models: Sequence[str], emit: Emit) -> None:
    """Emit, for each model that is not there, why; then one `result`; never raises."""
    from anatomy.models import find, resolve_user_function

    missing = {}
    for model in models:
        try:
            if ":" in model:
                resolve_user_function(model)
            else:
                find(model)
        except ValueError as error:
            missing[model] = _one_line(error)
        except Exception as error:  # noqa: BLE001  # what a user's module raises when imported is found when it is built
            traceback.print_exc()
            print(f"{model} raised {_one_line(error)} when it was looked for", file=sys.stderr)
    emit("facts", {"missing": missing})
    emit("result", {"outcome": "ok", "reason": ""})


@contextmanager
def _reported(emit: Emit) -> Iterator[None]:
    """End with one `result`, whatever happens within."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  # the boundary: whatever a model raises becomes its record
        traceback.print_exc()
        emit("result", {"outcome": _outcome_of(error), "reason": _one_line(error)})
    else:
        emit("result", {"outcome": "ok", "reason": ""})


@contextmanager
def _group(case: Case, emit: Emit, build: Build = build, span: Span | None = None) -> Iterator[Group]:
    """The devices of a case, ready to build on; `build` is called in each of their processes."""
    with closing(_opened(case, emit, build, span)) as group:
        group.initialise(SEED)
        yield group


def _opened(case: Case, emit: Emit, build: Build, span: Span | None) -> Group:
    if span is None:
        return open_group(case, build, emit)
    require_shareable(case)
    return open_spanning_group(case, build, emit, span)


def _count(case: Case, emit: Emit, origin: Origin | None) -> None:
    """Count a model of any size without allocating its weights."""
    from anatomy.bench.counting import skeleton
    from anatomy.models import build_any

    emit("phase", {"name": "build"})
    start = time.perf_counter()
    with skeleton():
        model = build_any(case.model, case.options)
        counts = count_model(model).summary()
    _require_own(origin)
    emit("facts", {"phases": {"build_s": time.perf_counter() - start}, "counts": counts.model_dump()})


def _measure(
    case: Case, settings: MeasureSettings, group: Group, emit: Emit, turns: Turns | None, origin: Origin | None
) -> None:
    emit("started", {"at_s": time.perf_counter(), "base_host_bytes": group.base_host_bytes()})
    meter = group.meter()

    with phase("build", emit), group.building():
        built = build(case)
    _require_own(origin)
    emit("facts", {"counts": count_model(built.model).summary().model_dump()})
    if turns is not None:
        if case.devices > 1:
            raise NotImplementedError("the gate compares cases on one device; leave --devices out")
        measure_turns(case, settings, group, built, meter, emit, turns)
        return
    output_bytes = 0
    if case.mode in LOOPS:
        measure_loop(case, settings, group, built, meter, emit)
    else:
        output_bytes = measure_step(case, settings, group, built, meter, emit)
    if group.processes > 1:
        why = f"{group.processes} processes compute, and the time of one is known"
        emit("facts", {"cpu_cores_used": None, "not_measured": {"cpu_cores_used": why}})
    if case.devices > 1:
        _measure_exchange(case, group, built.model, emit)
    emit("script", _script(built.model, case, settings, output_bytes))


def _measure_exchange(case: Case, group: Group, model: Any, emit: Emit) -> None:
    """What adding up the gradients over the devices takes by itself."""
    if case.mode not in ("train", "fit"):
        return
    if case.model_parallel > 1:
        why = "the devices share the weights: they exchange activations as well, and gradients of parts"
        emit("facts", {"not_measured": {"all_reduce": why}})
        return
    size_bytes = sum(math.prod(v.shape) * _width(v.dtype) for v in model.trainable_variables)
    seconds = group.all_reduce(size_bytes, EXCHANGES)
    emit("facts", {"all_reduce": {"size_bytes": size_bytes, "seconds": seconds}})


def _require_own(origin: Origin | None) -> None:
    """A side that has loaded the other side's code would be compared with itself."""
    strays = origin.strays(loaded_files(origin.zoo)) if origin is not None else []
    if strays:
        raise InvalidCaseError(
            f"loaded {', '.join(strays[:3])}{' …' if len(strays) > 3 else ''} from the other side's tree, so that code"
            " would be compared with itself; make the project importable from its checkout"
            " (not from a built copy elsewhere), or give that side an interpreter of its own: --against python:…"
        )


def _width(dtype: str) -> int:
    """Bytes of a number: `bfloat16` → 2."""
    return int("".join(filter(str.isdigit, dtype))) // 8


def _script(model: Any, case: Case, settings: MeasureSettings, output_bytes: int) -> dict[str, Any]:
    """The stand-alone program for this case, or why there is none."""
    if case.devices > 1:
        return {"text": None, "not_measured": {"script": "programs for several devices are not written yet"}}
    if case.backend != "tensorflow":
        # Keras's serialisation asks whether an object is TensorFlow's, and would import it to see: 2 s a case.
        sys.modules.setdefault("tensorflow", None)  # type: ignore[arg-type]  # documented: makes the import fail
    try:
        return {"text": script_of(model, case, settings, output_bytes)}
    except InexpressibleError as error:
        return {"text": None, "not_measured": {"script": str(error)}}
    except Exception as error:  # noqa: BLE001  # the boundary: a user's get_config may raise; the figure stands
        traceback.print_exc()
        return {"text": None, "not_measured": {"script": _one_line(error)}}


def _outcome_of(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, MemoryError) or any(sign in text for sign in _OUT_OF_MEMORY):
        return "oom"
    if isinstance(error, InvalidCaseError):
        return "invalid"
    return "unsupported" if isinstance(error, NotImplementedError | NotImplementedError) else "crashed"


def _one_line(error: Exception, limit: int = 300) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {' '.join(lines)}" if lines else type(error).__name__
    return text if len(text) <= limit else text[: limit - 1] + "…"
