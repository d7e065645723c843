"""The workers of one side: a fork server per backend, and each kind of work that the gate gives a worker."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from anatomy.bench.backends.available import unsupported_reason
from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.protocol.events import ModelsMissing
from anatomy.bench.records.case import Case, KerasBackend
from anatomy.bench.records.case_profile import Profile, append_profile
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.regression_gate.process_pair import SideProcess
from anatomy.bench.regression_gate.sides import Side
from anatomy.bench.runner.fork_client import ForkServerClient
from anatomy.bench.runner.fork_servers import ForkServers
from anatomy.bench.runner.profile_worker import run_profile
from anatomy.bench.runner.requests import FindModels, MeasureCase, TakeProfile, TakeTurns, WorkerPlace
from anatomy.bench.runner.worker_handle import WorkerHandle
from anatomy.bench.tensorboard.log_layout import TENSORBOARD_FOLDER, case_folder

# Two processes share the device: neither may allocate all of its memory at the start. A variable that is set stays.
_SHARED_DEVICE = {
    name: os.environ.get(name, value)
    for name, value in {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}.items()
}


class SideWorkers:
    """Starts the workers of a side; cases are given as planned, before the side's settings.

    Args:
        side: where the code is, and what runs it.
        settings: how a worker measures.
        folder: of the comparison, for logs and profiles.
        import_paths: where workers look for modules after the side's directory.
    """

    def __init__(self, side: Side, settings: MeasureSettings, folder: Path, import_paths: Sequence[str] = ()) -> None:
        self.side = side
        self._settings, self._folder, self._import_paths = settings, folder.absolute(), tuple(import_paths)
        self.servers: ForkServers[KerasBackend] = ForkServers(self._start)

    def take_turns(self, case: Case, number: int, checked: bool) -> SideProcess:
        """A process for the `number`-th pair of a case; `checked` where it shows that its steps did their work."""
        place, own = self._place(case, str(number)), self.side.case(case)
        fifo = place.log.with_suffix(".fifo")
        request = TakeTurns(place=place, settings=self._settings, case=own, fifo=fifo, checked=checked)
        return SideProcess(self.side.name, self.side.what, self.servers.get(own.keras_backend), request)

    def count(self, case: Case) -> dict[str, Any]:
        """The facts of a case that is counted and not run.

        Raises:
            SetupError: it could not be counted.
        """
        own = self.side.case(case)
        request = MeasureCase(place=self._place(case, "count"), settings=self._settings, case=own)
        result = WorkerHandle(self.servers.get(own.keras_backend), request).run_to_end()
        if result.outcome != "ok":
            raise SetupError(f"{self.side.name}: {result.outcome}: {result.reason}")
        return result.facts.known()

    def missing_models(self, cases: Sequence[Case]) -> dict[str, str]:
        """Models of cases that the side lacks, and why.

        Raises:
            SetupError: they could not be looked for.
        """
        case = next((case for case in cases if not unsupported_reason(case)), None)
        if case is None:
            return {}
        models = tuple(sorted({case.model for case in cases}))
        request = FindModels(place=self._place(case, "find"), settings=self._settings, models=models)
        try:
            worker = WorkerHandle(self.servers.get(self.side.case(case).keras_backend), request)
        except SetupError as error:
            raise SetupError(f"{self.side.name} ({self.side.what}): {error}") from error
        missing = worker.run_until(ModelsMissing)
        result = worker.run_to_end()
        if missing is None or result.outcome != "ok":
            raise SetupError(f"{self.side.name}: the models could not be looked for: {result.reason}")
        return missing.reasons

    def profile(self, case: Case) -> Profile:
        """The profile of a case; it and its trace are kept in the side's folder.

        Raises:
            SetupError: no worker could be started.
        """
        own, folder = self.side.case(case), self._folder / self.side.name
        trace = case_folder(folder / TENSORBOARD_FOLDER, own)
        request = TakeProfile(place=self._place(case, "profile"), settings=self._settings, case=own, folder=trace)
        profile = run_profile(self.servers.get(own.keras_backend), request, folder)
        folder.mkdir(parents=True, exist_ok=True)
        append_profile(folder, profile)
        return profile

    def _start(self, backend: KerasBackend) -> ForkServerClient:
        return ForkServerClient(
            backend,
            self._folder / "logs" / self.side.name,
            python=self.side.python,
            directory=self.side.directory,
            environment=_SHARED_DEVICE | dict(self.side.environment),
        )

    def _place(self, case: Case, what: str) -> WorkerPlace:
        logs = self._folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        return WorkerPlace(
            log=logs / f"{case.key}.{what}.{self.side.name}.log",
            directory=self.side.directory,
            import_paths=self._import_paths,
            origin=self.side.origin,
        )
