"""One case: measure it, profile it, or search the largest batch that fits."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict, Unpack

from anatomy.bench.api.model_source import model_source
from anatomy.bench.backends.available import installed_backends
from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.machine.collect_environment import collect
from anatomy.bench.machine.temporary_folders import temporary_folder
from anatomy.bench.records.batch_sizes import BatchSizes
from anatomy.bench.records.case_profile import Profile
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import load_run
from anatomy.bench.runner.measure_run import FinishedRun, RunListener, SilentRun, measure_run
from anatomy.bench.runner.measuring_lock import measuring
from anatomy.bench.runner.open_run import open_run
from anatomy.bench.runner.run_plan import plan_suite
from anatomy.bench.suites.axis_options import parse_axes
from anatomy.bench.suites.suite import Suite
from anatomy.bench.suites.units import parse_bytes
from anatomy.models.pretrained_weights import say_once
from anatomy.models.suggestion import unknown_name


class Budgets(TypedDict, total=False):
    """How cases are measured; see `MeasureSettings` for each and its default.

    Attributes:
        seconds: longest measured window in seconds.
        steps: number of steps in place of `seconds`.
        target: measuring ends when the median step is known to ± this share.
        processes: fresh processes per case.
        timeout_s: seconds after which a case is killed.
        memory_limit: memory that a worker may use: bytes, or text such as `4GiB`.
    """

    seconds: float
    steps: int
    target: float
    processes: int
    timeout_s: float
    memory_limit: int | str


class CaseOptions(Budgets, total=False):
    """The settings of a case beside its model, and how it is measured; see `Case` for each.

    Attributes:
        backend: `tensorflow`, `jax`, `torch` or `openvino`. By default the one that a live model lives in, else the
            first that is installed.
        mode: `train` (the default), `infer`, `fit` or `predict`.
        batch_size: examples per step.
        dtype: a Keras dtype policy.
        jit: `auto`, `on` or `off`.
        feed: what `fit` and `predict` read: `numpy`, `tf.data`, `pydataset`, `dataloader` or `grain`.
        source: where its examples come from: `jpeg`, `text` or `file.py:function`; empty for a batch in memory.
        workers: threads or processes of the feed that prepare examples.
        steps_per_execution: that `fit` and `predict` run before they come back to Python; by default as compiled.
        inputs: path of an input → what the model leaves open, such as `{"tokens": "128"}`; see `Case`. The empty path
            is that of an only input.
        devices: number of devices that share a step.
    """

    backend: str
    mode: str
    batch_size: int
    dtype: str
    jit: str
    feed: str
    source: str
    workers: int
    steps_per_execution: int
    inputs: Mapping[str, str]
    devices: int


Model = str | Callable[[], Any] | Any


def measure(
    model: Model,
    *,
    data: Any = None,
    out: str | Path | None = None,
    listener: RunListener | None = None,
    **options: Unpack[CaseOptions],
) -> Record:
    """Measure one case in a fresh process and return its record, whatever its outcome.

    Args:
        model: as on the command line (`"vgg:depth=11,classes=10"`, `"package.module:function"`), a function that builds
            a model, or a live `keras.Model`. A live model is saved and built anew in the worker, on any backend.
        data: of a live model: inputs, `(inputs, targets)` or `(inputs, targets, sample_weight)`, as arrays in the
            structure that the model takes. A function returns them beside its model. By default data are drawn.
        out: folder in which the run is kept with its logs; a temporary one by default.
        listener: told what happens; see `progress`.
        options: the case (`backend`, `mode`, `batch_size`, `dtype`, `jit`, `feed`, `source`, `workers`,
            `steps_per_execution`, `devices`) and how it is measured (`seconds`, `steps`, `target`, `processes`,
            `timeout_s`, `memory_limit`).

    Raises:
        UsageError: the model or an option is wrong; the message says what was expected.
    """
    with ExitStack() as stack:
        finished = _run(model, out, listener, options, stack, data=data)
        return load_run(finished.path).records[0]


def profile(
    model: Model,
    *,
    out: str | Path | None = None,
    listener: RunListener | None = None,
    **options: Unpack[CaseOptions],
) -> Profile:
    """Measure one case, then trace a few of its steps in another process: time by layer, by kind of work, and gaps.

    The arguments are those of `measure`. With `out`, the trace is kept for TensorBoard.

    Raises:
        UsageError: the model or an option is wrong.
    """
    with ExitStack() as stack:
        return _run(model, out, listener, options, stack, profile=True).profiles[0]


def largest_batch(
    model: Model,
    *,
    out: str | Path | None = None,
    listener: RunListener | None = None,
    **options: Unpack[CaseOptions],
) -> BatchSizes:
    """Search the largest batch that fits into memory, and from which batch on throughput does not grow.

    The arguments are those of `measure`, without `batch_size`.

    Raises:
        UsageError: the model or an option is wrong.
    """
    if "batch_size" in options:
        raise UsageError(f"batch_size={options['batch_size']}: the search finds it; leave it out")
    with ExitStack() as stack:
        return _run(model, out, listener, options, stack, largest=True).searches[0]


def budgets_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Budgets as fields of `MeasureSettings`.

    Raises:
        UsageError: a name that is no budget, or a memory limit that is no size.
    """
    for name in options:
        if name not in Budgets.__annotations__:
            raise UsageError(unknown_name("option", name, sorted(CaseOptions.__annotations__)))
    given = dict(options)
    limit = given.pop("memory_limit", None)
    if limit is not None:
        given["memory_limit_bytes"] = parse_bytes(limit) if isinstance(limit, str) else limit
    return given


@contextmanager
def entered(listener: RunListener | None) -> Iterator[RunListener]:
    """The listener, started where it is a context manager; one that does nothing where none is given."""
    if isinstance(listener, AbstractContextManager):
        with listener as started:
            yield started
    else:
        yield listener or SilentRun()


def _run(
    model: Model,
    out: str | Path | None,
    listener: RunListener | None,
    options: CaseOptions,
    stack: ExitStack,
    *,
    profile: bool = False,
    largest: bool = False,
    data: Any = None,
) -> FinishedRun:
    """One case as a run; what is temporary is removed when the stack is left."""
    made = stack.enter_context(temporary_folder("case"))
    source = model_source(model, made, data)
    names = CaseOptions.__annotations__.keys() - Budgets.__annotations__.keys()
    default = {"mode": "train", "backend": source.backend or installed_backends()[0]}
    point = default | {name: value for name, value in options.items() if name in names}
    budgets = budgets_of({name: value for name, value in options.items() if name not in names})
    suite = Suite.model_validate({"name": "anatomy.bench", "matrix": [{"model": [source.text]}]})
    lines = [f"{path}={said}" for path, said in options.get("inputs", {}).items()]
    point.pop("inputs", None)
    axes = parse_axes({name: [str(value)] for name, value in point.items()} | {"inputs": lines})
    plan = plan_suite(suite, axes, (), budgets | ({"profile": True} if profile else {}), directory=source.directory)
    say_once(plan.notes)
    if len(plan.cases) != 1:
        raise UsageError(f"{source.text}: expected one case, got {len(plan.cases)}; give one value for each setting")
    if largest:
        plan = plan.as_search()
    stack.enter_context(measuring("anatomy.bench.measure"))
    run = open_run(plan, Path(out) if out else made / "run", collect(), ["anatomy.bench"])
    run = replace(run, directory=source.directory or Path.cwd(), import_paths=tuple(sys.path))
    finished = measure_run(run, stack.enter_context(entered(listener)))
    if finished.interrupted:
        raise KeyboardInterrupt
    return finished
