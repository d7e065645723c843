"""Measure one case in this process: build → compile → warm up → measure → probe.

Runs in a fresh process forked by the host. Every fact is emitted as soon as it is known, so that a
worker that dies leaves behind what it had found.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Sequence
from typing import Any

from anatomy.bench import memory
from anatomy.bench.backends import step as step_module
from anatomy.bench.build import build
from anatomy.bench.case import LOOPS, Case
from anatomy.bench.counting import count_model
from anatomy.bench.inputs import SEED, OpenShapeError
from anatomy.bench.measure import Emit, measure_loop, measure_step, phase
from anatomy.bench.origins import Origin, loaded_files
from anatomy.bench.sanity import InvalidCaseError
from anatomy.bench.script.expression import InexpressibleError
from anatomy.bench.script.generate import script_of
from anatomy.bench.settings import MeasureSettings
from anatomy.bench.turns import Turns, measure_turns

# What each framework's out-of-memory error says, since their classes cannot all be imported here.
_OUT_OF_MEMORY = (
    "RESOURCE_EXHAUSTED",
    "ResourceExhausted",
    "OutOfMemory",
    "out of memory",
    "can't allocate memory",
)


def run_case(
    case: Case, settings: MeasureSettings, emit: Emit, turns: Turns | None = None, origin: Origin | None = None
) -> None:
    """Measure `case` and emit its facts, then one `result`; never raises.

    Args:
        turns: take part in a pair of processes instead of measuring alone.
        origin: the tree that its code must come from, where there is another.
    """
    try:
        if case.mode == "count":
            _count(case, emit, origin)
        else:
            _measure(case, settings, emit, turns, origin)
        emit("result", {"outcome": "ok", "reason": ""})
    except Exception as error:  # noqa: BLE001  # the boundary: whatever a model raises becomes its record
        traceback.print_exc()
        emit("result", {"outcome": _outcome_of(error), "reason": _one_line(error)})


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


def _measure(case: Case, settings: MeasureSettings, emit: Emit, turns: Turns | None, origin: Origin | None) -> None:
    if case.devices > 1:
        raise NotImplementedError(f"{case.devices} devices were asked for; a case is measured on one device")
    backend = step_module.load(case.backend)
    backend.initialise(SEED)
    emit("started", {"at_s": time.perf_counter(), "base_host_bytes": memory.resident_bytes()})
    meter = memory.PeakMeter()

    with phase("build", emit):
        built = build(case)
    _require_own(origin)
    emit("facts", {"counts": count_model(built.model).summary().model_dump()})
    if turns is not None:
        measure_turns(case, settings, backend, built, meter, emit, turns)
        return
    if case.mode in LOOPS:
        measure_loop(case, settings, backend, built, meter, emit)
    else:
        measure_step(case, settings, backend, built, meter, emit)
    emit("script", _script(built.model, case, settings))


def _require_own(origin: Origin | None) -> None:
    """A side that has loaded the other side's code would be compared with itself."""
    strays = origin.strays(loaded_files(origin.zoo)) if origin is not None else []
    if strays:
        raise InvalidCaseError(
            f"loaded {', '.join(strays[:3])}{' …' if len(strays) > 3 else ''} from the other side's tree, so that code"
            " would be compared with itself; make the project importable from its checkout"
            " (not from a built copy elsewhere), or give that side an interpreter of its own: --against python:…"
        )


def _script(model: Any, case: Case, settings: MeasureSettings) -> dict[str, Any]:
    """The stand-alone program for this case, or why there is none."""
    if case.backend != "tensorflow":
        # Keras's serialisation asks whether an object is TensorFlow's, and would import it to see: 2 s a case.
        sys.modules.setdefault("tensorflow", None)  # type: ignore[arg-type]  # documented: makes the import fail
    try:
        return {"text": script_of(model, case, settings)}
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
    return "unsupported" if isinstance(error, NotImplementedError | OpenShapeError) else "crashed"


def _one_line(error: Exception, limit: int = 300) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {' '.join(lines)}" if lines else type(error).__name__
    return text if len(text) <= limit else text[: limit - 1] + "…"
