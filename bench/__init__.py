"""Measure Keras models from a script or a notebook.

    import anatomy.bench as ab

    record = ab.measure("vgg:depth=11,classes=10,input_shape=32x32x3", backend="jax", batch_size=8)
    run = ab.run_suite("quick", listener=ab.progress())
    run.to_frame()

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anatomy.bench.api.gate_call import gate
    from anatomy.bench.api.model_count import count
    from anatomy.bench.api.run_comparison import compare
    from anatomy.bench.api.single_case import largest_batch, measure, profile
    from anatomy.bench.api.stored_run import StoredRun, load_run
    from anatomy.bench.api.suite_run import progress, run_suite
    from anatomy.bench.api.tuning_call import tune
    from anatomy.bench.errors.anatomy_error import AnatomyError, UsageError
    from anatomy.bench.records.case import Case
    from anatomy.bench.records.case_profile import Profile
    from anatomy.bench.records.record import Record
    from anatomy.bench.records.tuning import Tuning
    from anatomy.bench.suites.suite import Matrix, Suite

__all__ = [
    "AnatomyError",
    "Case",
    "Matrix",
    "Profile",
    "Record",
    "StoredRun",
    "Suite",
    "Tuning",
    "UsageError",
    "compare",
    "count",
    "gate",
    "largest_batch",
    "load_run",
    "measure",
    "profile",
    "progress",
    "run_suite",
    "tune",
]

_HOMES = {
    "AnatomyError": "errors.anatomy_error",
    "Case": "records.case",
    "Matrix": "suites.suite",
    "Profile": "records.case_profile",
    "Record": "records.record",
    "StoredRun": "api.stored_run",
    "Suite": "suites.suite",
    "Tuning": "records.tuning",
    "UsageError": "errors.anatomy_error",
    "compare": "api.run_comparison",
    "count": "api.model_count",
    "gate": "api.gate_call",
    "largest_batch": "api.single_case",
    "load_run": "api.stored_run",
    "measure": "api.single_case",
    "profile": "api.single_case",
    "progress": "api.suite_run",
    "run_suite": "api.suite_run",
    "tune": "api.tuning_call",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
