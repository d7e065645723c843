"""Requests: JSON lines from the supervisor to a fork server, one type per kind of work for a worker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from anatomy.bench.application.lifecycle_options import LifecycleOptions
from anatomy.bench.application.newsgroups_options import NewsgroupsOptions
from anatomy.bench.parallel.rendezvous import Rendezvous
from anatomy.bench.profiling.roofline_bound import CaseCeilings
from anatomy.bench.records.case import Case
from anatomy.bench.records.frozen import Frozen
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.runner.import_origin import Origin


class WorkerPlace(Frozen):
    """Where a worker runs, the same for every kind of request.

    Attributes:
        log: file for the worker's output.
        directory: working directory, and where the user's own modules are looked for first.
        import_paths: where they are looked for next.
        origin: the checkout that the user's code must come from, where there are two.
    """

    log: Path
    directory: Path
    import_paths: tuple[str, ...] = ()
    origin: Origin | None = None


class _Request(Frozen):
    place: WorkerPlace
    settings: MeasureSettings


class MeasureCase(_Request):
    """Measure a case; `rendezvous` has the nodes of a case on several."""

    request: Literal["measure"] = "measure"
    case: Case
    rendezvous: Rendezvous | None = None


class TakeTurns(_Request):
    """Measure a case in turns with another process.

    Attributes:
        fifo: where the supervisor writes how many steps the next turn has.
        checked: whether the worker shows at the end that its steps did what they claim.
    """

    request: Literal["turns"] = "turns"
    case: Case
    fifo: Path
    checked: bool


class TakeProfile(_Request):
    """Trace a few steps of a case.

    Attributes:
        folder: where the trace is left.
        ceilings: what the machine can do at best; `None` where that was not measured.
    """

    request: Literal["profile"] = "profile"
    case: Case
    folder: Path
    ceilings: CaseCeilings | None = None


class TakeReferenceSteps(_Request):
    """Train the reference steps by which several devices are compared with one."""

    request: Literal["reference_steps"] = "reference_steps"
    case: Case
    rendezvous: Rendezvous | None = None


class JoinCase(_Request):
    """Take part in a case that node 0 measures, or whose reference steps it takes."""

    request: Literal["join"] = "join"
    case: Case
    rendezvous: Rendezvous
    reference_steps: bool = False


class RunApplication(_Request):
    """Run an application, stage by stage."""

    request: Literal["application"] = "application"
    options: Annotated[NewsgroupsOptions | LifecycleOptions, Field(discriminator="application")]
    seed: int


class FindModels(_Request):
    """Say which of these models cannot be found."""

    request: Literal["find"] = "find"
    models: tuple[str, ...]


Request = MeasureCase | TakeTurns | TakeProfile | TakeReferenceSteps | JoinCase | RunApplication | FindModels

_REQUESTS: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="request")])


def request_line(request: Request) -> bytes:
    """A request as a line of JSON."""
    return request.model_dump_json().encode() + b"\n"


def read_request(line: str | bytes) -> Request:
    """The request that a line holds; raises pydantic's `ValidationError` where it is none."""
    return _REQUESTS.validate_json(line)


def joining(request: Request, rendezvous: Rendezvous) -> JoinCase:
    """The request for another node of the same case.

    Raises:
        TypeError: a kind of request that several nodes do not share.
    """
    if not isinstance(request, MeasureCase | TakeReferenceSteps):
        raise TypeError(f"several nodes share a case or its reference steps, not {type(request).__name__}")
    return JoinCase(
        place=request.place,
        settings=request.settings,
        case=request.case,
        rendezvous=rendezvous,
        reference_steps=isinstance(request, TakeReferenceSteps),
    )
