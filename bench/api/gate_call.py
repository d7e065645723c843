"""The gate from Python: has a change made a model slower, or larger?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from anatomy.bench.regression_gate.gate_request import GateRequest, result_folder
from anatomy.bench.regression_gate.gate_result import GateResult
from anatomy.bench.regression_gate.gate_settings import gate_settings
from anatomy.bench.regression_gate.inventory import Selection
from anatomy.bench.regression_gate.paired_comparison import Listener
from anatomy.bench.regression_gate.resolve_sides import parse_base
from anatomy.bench.regression_gate.run_gate import run_gate
from anatomy.bench.runner.measuring_lock import measuring
from anatomy.bench.suites.axis_options import parse_axes

# A value of an axis, or several.
_Values = str | int | Sequence[str | int] | None


def gate(
    models: str | Sequence[str] = (),
    *,
    against: str | None = None,
    candidate: Mapping[str, str] | None = None,
    suite: str | None = None,
    backend: _Values = None,
    mode: _Values = None,
    batch_size: _Values = None,
    dtype: _Values = None,
    jit: _Values = None,
    tolerate: Mapping[str, Any] | None = None,
    minutes: float | None = None,
    timeout_s: float = 600.0,
    memory_limit: str | None = None,
    allow_dirty: bool = False,
    allow_new: bool = False,
    allow_stored_time: bool = False,
    out: str | Path | None = None,
    listener: Listener | None = None,
) -> GateResult:
    """Measure two sides in the same minutes, in alternating pairs of processes, until each verdict is known.

    Args:
        models: as on the command line; without one, those of the suite.
        against: the base: a git revision, `python:PATH`, or a run's folder; `None` to compare only the settings given
            by `candidate`.
        candidate: settings of the candidate: `{"jit": "on", "env:NAME": "…"}`.
        suite: a name, or a TOML file.
        backend, mode, batch_size, dtype, jit: values of an axis, one or several, in place of the suite's.
        tolerate: metric → rule; these win over all others: `{"step": "5%"}`.
        minutes: time of the comparison, of which pairs take 85 % at most; what is undecided then is `INCONCLUSIVE`.
        timeout_s: seconds that a process may take to warm up, or for a turn.
        memory_limit: memory that one worker may use, e.g. `4GiB`; by default half of what is usable.
        allow_dirty: compare a working tree with uncommitted changes.
        allow_new: let cases through that the base lacks.
        allow_stored_time: compare time with a stored run too, unreliable as it is.
        out: folder of the result; by default a new one in `anatomy-runs`.
        listener: told of each pair.

    Returns:
        The result, which is also in `gate.json`; `result.verdict` is `PASS`, `FAIL`, `INCONCLUSIVE`, `ERROR`, or `None`
        where nothing was compared.

    Raises:
        UsageError: it cannot be compared as asked.
        SetupError: a side could not be set up.
    """
    axes = {"backend": backend, "mode": mode, "batch_size": batch_size, "dtype": dtype, "jit": jit}
    request = GateRequest(
        base=parse_base(against),
        directory=Path.cwd().resolve(),
        selection=Selection(
            [models] if isinstance(models, str) else list(models),
            suite,
            parse_axes({name: _texts(values) for name, values in axes.items()}),
        ),
        settings=gate_settings(timeout_s, memory_limit),
        candidate=[f"{name}={value}" for name, value in (candidate or {}).items()],
        tolerate=dict(tolerate or {}),
        allow_dirty=allow_dirty,
        allow_new=allow_new,
        allow_stored_time=allow_stored_time,
        minutes=minutes,
        command=["anatomy.bench"],
        out=result_folder(out),
    )
    with measuring("anatomy.bench.gate"):
        return run_gate(request, listener)


def _texts(values: _Values) -> list[str] | None:
    if values is None:
        return None
    return [str(values)] if isinstance(values, str | int) else [str(value) for value in values]
