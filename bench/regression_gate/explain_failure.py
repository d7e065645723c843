"""Profile both sides of a case that failed, and attribute the difference to layers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from anatomy.bench.errors.anatomy_error import SetupError, UsageError
from anatomy.bench.profiling.explanation import Explanation, explain
from anatomy.bench.records.case import Case
from anatomy.bench.records.case_profile import Profile, append_profile
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.regression_gate.gate_result import CaseResult
from anatomy.bench.regression_gate.side_names import SIDES, SideName
from anatomy.bench.runner.fork_client import ForkServerClient
from anatomy.bench.runner.profile_worker import run_profile
from anatomy.bench.runner.requests import TakeProfile, WorkerPlace
from anatomy.bench.tensorboard.log_layout import TENSORBOARD_FOLDER, case_folder


def is_slower(result: CaseResult) -> bool:
    """Whether a case failed on its step time, which layers can account for."""
    step = result.metric("step")
    return step is not None and step.verdict == "FAIL"


def explain_failure(
    result: CaseResult,
    servers: Mapping[SideName, ForkServerClient],
    cases: Mapping[SideName, Case],
    places: Mapping[SideName, WorkerPlace],
    settings: MeasureSettings,
    folder: Path,
) -> CaseResult:
    """Add the layers that account for a slower step, or why they are not known.

    Args:
        result: of the case.
        servers: fork server of each side.
        cases: the case as each side runs it.
        places: where a worker of each side runs.
        settings: how a worker is measured.
        folder: of the comparison; each side gets a folder in it with profiles and traces.
    """
    try:
        profiles = {name: _profile(servers[name], cases[name], places[name], settings, folder / name) for name in SIDES}
        return result.model_copy(update={"explanation": _explain(result, profiles)})
    except (SetupError, UsageError) as error:
        return result.model_copy(update={"not_explained": str(error)})


def _explain(result: CaseResult, profiles: Mapping[SideName, Profile]) -> Explanation:
    step = result.metric("step")
    assert step is not None
    # The pairs know the step time far better than the traced process does.
    measured = (step.base, step.candidate) if step.base is not None and step.candidate is not None else None
    return explain(profiles["base"], profiles["candidate"], measured, ("base", "candidate"))


def _profile(
    server: ForkServerClient, case: Case, place: WorkerPlace, settings: MeasureSettings, folder: Path
) -> Profile:
    folder = folder.absolute()
    trace = case_folder(folder / TENSORBOARD_FOLDER, case)
    profile = run_profile(server, TakeProfile(place=place, settings=settings, case=case, folder=trace), folder)
    folder.mkdir(parents=True, exist_ok=True)
    append_profile(folder, profile)
    return profile
