"""Take the profile of a case in a worker, whatever becomes of it."""

from __future__ import annotations

from pathlib import Path

from anatomy.bench.protocol.events import ProfileTaken
from anatomy.bench.records.case_name import case_name
from anatomy.bench.records.case_profile import Profile
from anatomy.bench.runner.fork_client import ForkServerClient
from anatomy.bench.runner.requests import TakeProfile
from anatomy.bench.runner.worker_handle import WorkerHandle


def run_profile(server: ForkServerClient, request: TakeProfile, run_folder: Path, environment: str = "") -> Profile:
    """The profile of the request's case; its `outcome` and `reason` say what went wrong where it has no figures.

    Args:
        run_folder: the folder that the profile's trace is named relative to.
        environment: fingerprint.
    """
    worker = WorkerHandle(server, request)
    taken = worker.run_until(ProfileTaken)
    result = worker.run_to_end()
    profile = Profile(
        case=request.case,
        name=case_name(request.case),
        outcome=result.outcome or "crashed",
        reason=result.reason,
        environment=environment,
    )
    if taken is None:
        return profile
    trace = str(request.folder.relative_to(run_folder.absolute()))
    if profile.outcome != "ok":
        return profile.model_copy(update={"trace": trace})
    return profile.model_copy(
        update={
            "trace": trace,
            "steps": taken.steps,
            "step": taken.step,
            "gaps": taken.gaps,
            "layers": taken.layers,
            "kinds": taken.kinds,
            "unattributed": taken.unattributed,
            "unattributed_share": taken.unattributed_share,
            "idle_causes": taken.idle_causes,
            "not_measured": taken.not_measured,
            "caveats": taken.caveats,
        }
    )
