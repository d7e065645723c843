"""Serve one request in this process, which the fork server has forked: build → compile → warm up → measure → check.

Every fact is emitted as soon as it is known: a worker that dies leaves behind what it had found.
"""

from __future__ import annotations

import math
import os
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from anatomy.bench.application.lifecycle_options import LifecycleOptions
from anatomy.bench.application.newsgroups_options import NewsgroupsOptions
from anatomy.bench.application.stages import Stage, StageClock
from anatomy.bench.counting import count_model
from anatomy.bench.counting.untraceable import true_reason
from anatomy.bench.errors.anatomy_error import InvalidCaseError
from anatomy.bench.errors.printable import message_of, one_line
from anatomy.bench.errors.unsupported import is_unsupported
from anatomy.bench.measurement.alternating_steps import Turns, measure_alternating_steps
from anatomy.bench.measurement.measure_case import MeasureTask, measure_loop, measure_step, phase
from anatomy.bench.measurement.measured_window import WarmStep
from anatomy.bench.parallel.device_group import Build, Group, open_group, require_shareable
from anatomy.bench.parallel.multinode_group import open_multinode_group, run_node_ranks
from anatomy.bench.parallel.reference_steps import build_deterministic, take_reference_steps
from anatomy.bench.parallel.rendezvous import Rendezvous
from anatomy.bench.profiling.roofline_bound import CaseCeilings
from anatomy.bench.protocol.events import (
    BatchTaken,
    Emit,
    Ended,
    FactsFound,
    ModelsMissing,
    PhaseBegan,
    ReferenceStepsTaken,
    ScriptMade,
    StageEnded,
    StageFailed,
    Started,
)
from anatomy.bench.records.batch_sizes import with_batch_size
from anatomy.bench.records.case import LOOPS, Case
from anatomy.bench.records.case_facts import CaseFacts
from anatomy.bench.records.checked_numbers import finite_or_none
from anatomy.bench.records.record import Outcome
from anatomy.bench.records.record_parts import AllReduce, Phases
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.runner.import_origin import Origin, loaded_files
from anatomy.bench.runner.requests import (
    FindModels,
    JoinCase,
    MeasureCase,
    Request,
    RunApplication,
    TakeProfile,
    TakeReferenceSteps,
    TakeTurns,
)
from anatomy.bench.script.expression import InexpressibleError
from anatomy.bench.script.generate_script import script_of
from anatomy.bench.script.native_script import native_script
from anatomy.bench.workload.build_case import Built, build
from anatomy.bench.workload.model_inputs import model_inputs, shapes_to_count
from anatomy.bench.workload.model_outline import outline_model
from anatomy.bench.workload.model_outputs import require_call
from anatomy.bench.workload.synthetic_batch import SEED

# Sums over all devices that are timed by themselves.
EXCHANGES = 10
# Of a stage that diverged they are not finite.
_OF_STAGE = ("loss", "accuracy", "deviation")
# What each framework's out-of-memory error says, since their classes cannot all be imported here.
_OUT_OF_MEMORY = (
    "RESOURCE_EXHAUSTED",
    "ResourceExhausted",
    "OutOfMemory",
    "out of memory",
    "can't allocate memory",
)


def serve(request: Request, emit: Emit) -> None:
    """Do what is asked and emit what is found, then one `Ended`; never raises."""
    origin = request.place.origin
    with _reported(emit):
        match request:
            case MeasureCase(case=case, settings=settings, rendezvous=rendezvous) if case.mode != "count":
                with _group(case, emit, rendezvous=rendezvous) as group:
                    _measure(case, settings, group, emit, origin)
            case MeasureCase(case=case):
                _count(case, emit, origin)
            case TakeTurns(case=case, settings=settings, fifo=fifo, checked=checked):
                with _group(case, emit) as group:
                    _take_turns(case, settings, group, emit, origin, Turns(fifo, checked))
            case TakeProfile(case=case, settings=settings, folder=folder, ceilings=ceilings):
                with _group(case, emit) as group:
                    _profile(case, settings, group, emit, origin, folder, ceilings)
            case TakeReferenceSteps(case=case, rendezvous=rendezvous):
                emit(PhaseBegan(name="trajectory"))
                with _group(case, emit, build_deterministic, rendezvous) as group:
                    emit(ReferenceStepsTaken(trajectory=take_reference_steps(case, group)))
            case JoinCase(case=case, rendezvous=rendezvous, reference_steps=reference_steps):
                emit(PhaseBegan(name="follow"))
                require_shareable(case)
                run_node_ranks(case, build_deterministic if reference_steps else build, emit, rendezvous)
            case RunApplication(options=options, seed=seed):
                _run_application(options, seed, emit)
            case FindModels(models=models):
                emit(ModelsMissing(reasons=missing_models(models)))


def stage_ended(stage: Stage) -> StageEnded:
    """The event of a stage that has ended; of a figure that is not finite, what it was."""
    figures = vars(stage)
    absent = {name: f"it was {value}" for name in _OF_STAGE if finite_or_none(value := figures[name]) != value}
    return StageEnded(**figures | dict.fromkeys(absent), not_measured=absent)


def _run_application(options: NewsgroupsOptions | LifecycleOptions, seed: int, emit: Emit) -> None:
    def ended(stage: Stage) -> None:
        emit(stage_ended(stage))

    def failed(name: str, error: Exception) -> None:
        traceback.print_exception(error)
        outcome = _outcome_of(error)
        # A converter that cannot write a model says so in any way it likes.
        cannot = outcome == "crashed" and name.startswith("export")
        emit(StageFailed(name=name, outcome="unsupported" if cannot else outcome, reason=one_line(error)))

    clock = StageClock(began=lambda name: emit(PhaseBegan(name=name)), ended=ended, failed=failed)
    match options:
        case LifecycleOptions():
            from anatomy.bench.application.lifecycle import run_lifecycle

            run_lifecycle(options, clock)
        case NewsgroupsOptions():
            from anatomy.bench.application.text_application import run_newsgroups

            # A copy that the last process left would make this one's time another's.
            run_newsgroups(options, seed, clock, cached_vectors=False)


def missing_models(models: Sequence[str]) -> dict[str, str]:
    """Model → why it cannot be found; empty where all are there."""
    from anatomy.models import require_model

    missing = {}
    for model in models:
        try:
            require_model(model)
        except ValueError as error:
            missing[model] = one_line(error)
        except BaseException as error:  # noqa: BLE001  # what a user's module raises is found when it is built
            traceback.print_exc()
            print(f"{model} raised {one_line(error)} when it was looked for", file=sys.stderr)
    return missing


@contextmanager
def _reported(emit: Emit) -> Iterator[None]:
    """End with one `Ended`, whatever happens within, of this process: one that a model forks speaks for itself."""
    own = os.getpid()
    try:
        yield
    except BaseException as error:  # the boundary: whatever a model raises, an exit too, becomes its record
        if os.getpid() != own:
            raise
        traceback.print_exc()
        emit(Ended(outcome=_outcome_of(error), reason=one_line(error)))
    else:
        if os.getpid() == own:
            emit(Ended(outcome="ok"))


@contextmanager
def _group(case: Case, emit: Emit, build: Build = build, rendezvous: Rendezvous | None = None) -> Iterator[Group]:
    """The devices of a case, ready to build on; `build` is called in each of their processes."""
    with closing(_opened(case, emit, build, rendezvous)) as group:
        group.initialise(SEED)
        yield group


def _opened(case: Case, emit: Emit, build: Build, rendezvous: Rendezvous | None) -> Group:
    if rendezvous is None:
        return open_group(case, build, emit)
    require_shareable(case)
    return open_multinode_group(case, build, emit, rendezvous)


def _count(case: Case, emit: Emit, origin: Origin | None) -> None:
    """Count a model of any size without allocating its weights."""
    from anatomy.bench.counting import abstract_model
    from anatomy.models import build_any

    emit(PhaseBegan(name="build"))
    start = time.perf_counter()
    with abstract_model():
        model = build_any(case.model, case.options)
        require_call(model, case.model)
        shapes = shapes_to_count(model, model_inputs(model, 1, case.inputs)) if case.inputs else None
        counts = count_model(model, shapes).summary()
    _require_own(origin)
    phases = Phases(build_s=time.perf_counter() - start)
    emit(FactsFound(facts=CaseFacts(phases=phases, counts=counts, layers=outline_model(model))))


def _counts(built: Built) -> CaseFacts:
    """The counts of a case's model, or why it has none: the case is measured all the same."""
    try:
        return CaseFacts(counts=count_model(built.model, built.input_shapes()).summary())
    except Exception as error:  # noqa: BLE001  # on shapes, a user's model may raise anything
        traceback.print_exc()
        return CaseFacts(not_measured={"counts": true_reason(error)})


def _task(case: Case, settings: MeasureSettings, group: Group, emit: Emit, origin: Origin | None) -> MeasureTask:
    """Build the case's model with its data on the group's devices, ready to be measured."""
    memory = group.meter()
    emit(Started(at_s=time.perf_counter(), base_host_bytes=group.base_host_bytes()))

    def imported() -> None:
        # What the builder's module imports, such as a second framework, is not the model's. Of several processes, each
        # would have to say so.
        if group.processes == 1:
            memory.restart()
            emit(FactsFound(facts=CaseFacts(base_host_bytes=group.base_host_bytes())))

    # A stateful model is built for the batch size of its case.
    batch_of_dataset = settings.batch_of_dataset and not case.options.get("stateful")
    with phase("build", emit), group.building():
        built = build(case, imported, batch_of_dataset=batch_of_dataset)
    _require_own(origin)
    taken = built.batch.dataset_batch or case.batch_size
    if batch_of_dataset and taken != case.batch_size:
        case = with_batch_size(case, taken)
        emit(BatchTaken(batch_size=taken))
    emit(FactsFound(facts=_counts(built)))
    emit(FactsFound(facts=CaseFacts(inputs=built.drawn())))
    return MeasureTask(case, settings, group, built, memory, emit)


def _measure(case: Case, settings: MeasureSettings, group: Group, emit: Emit, origin: Origin | None) -> None:
    task = _task(case, settings, group, emit, origin)
    case = task.case
    warm = None
    if case.mode in LOOPS:
        measure_loop(task)
    else:
        warm = measure_step(task)
    if group.processes > 1:
        why = f"{group.processes} processes compute, and the time of one is known"
        task.found(CaseFacts(cpu_cores_used=None, not_measured={"cpu_cores_used": why}))
    if case.devices > 1:
        _measure_exchange(case, group, task.built.model, emit)
    emit(_script(task.built, case, settings, warm))


def _take_turns(
    case: Case, settings: MeasureSettings, group: Group, emit: Emit, origin: Origin | None, turns: Turns
) -> None:
    task = _task(case, settings, group, emit, origin)
    if case.devices > 1:
        raise NotImplementedError("the gate compares cases on one device; leave --devices out")
    # Once per case is enough.
    if turns.checked:
        task.found(CaseFacts(layers=outline_model(task.built.model)))
    measure_alternating_steps(task, turns)


def _profile(
    case: Case,
    settings: MeasureSettings,
    group: Group,
    emit: Emit,
    origin: Origin | None,
    folder: Path,
    ceilings: CaseCeilings | None,
) -> None:
    from anatomy.bench.profiling.profile_case import profile_case, require_profilable

    require_profilable(case, group)
    with phase("build", emit), group.building():
        built = build(case)
    _require_own(origin)
    profile_case(MeasureTask(case, settings, group, built, group.meter(), emit), folder, ceilings)


def _measure_exchange(case: Case, group: Group, model: Any, emit: Emit) -> None:
    """What adding up the gradients over the devices takes by itself."""
    if case.mode not in ("train", "fit"):
        return
    if case.model_parallel > 1:
        why = "the devices share the weights: they exchange activations as well, and gradients of parts"
        emit(FactsFound(facts=CaseFacts(not_measured={"all_reduce": why})))
        return
    size_bytes = sum(math.prod(v.shape) * _width(v.dtype) for v in model.trainable_variables)
    seconds = group.all_reduce(size_bytes, EXCHANGES)
    emit(FactsFound(facts=CaseFacts(all_reduce=AllReduce(size_bytes=size_bytes, seconds=seconds))))


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


def _script(built: Built, case: Case, settings: MeasureSettings, warm: WarmStep | None) -> ScriptMade:
    """The stand-alone program for this case, or why there is none."""
    if case.devices > 1:
        return ScriptMade(text=None, why_not="programs for several devices are not written yet")
    if case.keras_backend != "tensorflow":
        # Keras's serialisation asks whether an object is TensorFlow's, and would import it to see: 2 s a case.
        sys.modules.setdefault("tensorflow", None)  # type: ignore[arg-type]  # documented: makes the import fail
    output_bytes = 0 if warm is None else warm.output_bytes
    try:
        if case.native:
            assert warm is not None
            return ScriptMade(text=native_script(built, case, settings, output_bytes, warm.settings))
        return ScriptMade(text=script_of(built, case, settings, output_bytes))
    except InexpressibleError as error:
        return ScriptMade(text=None, why_not=str(error))
    except Exception as error:  # noqa: BLE001  # the boundary: a user's get_config may raise; the figure stands
        traceback.print_exc()
        return ScriptMade(text=None, why_not=one_line(error))


def _outcome_of(error: BaseException) -> Outcome:
    text = f"{type(error).__name__}: {message_of(error)}"
    if isinstance(error, MemoryError) or any(sign in text for sign in _OUT_OF_MEMORY):
        return "oom"
    if isinstance(error, InvalidCaseError):
        return "invalid"
    return "unsupported" if is_unsupported(error) else "crashed"
