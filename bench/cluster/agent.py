"""The agent on a node of the cluster: measures in a session like that of `anatomy run`, with the node to itself."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.machine.collect_environment import FLAGS, collect
from anatomy.bench.machine.telemetry.nvml_library import list_gpus
from anatomy.bench.machine.temporary_folders import remove_abandoned, temporary_folder
from anatomy.bench.records.case import Case
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import SCRIPTS_FOLDER, RunHeader, RunWriter
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.runner.session import Session, Silent
from anatomy.bench.runner.supervisor import usable_memory_bytes

_LOG_BYTES = 200_000
NICENESS = "RAY_worker_niceness"


class NodeAgent:
    """A Ray actor that measures one case after another on its node; frameworks are imported once per node.

    Args:
        settings: how cases are measured.
        gpus: number of GPUs that the node lends to Ray, all claimed by this actor.
        version: version of keras-anatomy on the machine that started the run.

    Raises:
        SetupError: the node would measure under other conditions than `anatomy run` on that node.
    """

    def __init__(self, settings: Mapping[str, Any], gpus: float, version: str) -> None:
        restore_flags(os.environ, raylet_environment())
        niceness, wanted = (os.getpriority(os.PRIO_PROCESS, pid) for pid in (0, os.getppid()))
        if reason := unsupported_reason(gpus, len(list_gpus().names), niceness, wanted, own_version(), version):
            raise SetupError(reason)
        own = dict(settings)
        if own.get("memory_limit_bytes") is None:
            own["memory_limit_bytes"] = usable_memory_bytes()
        self._environment = collect()
        remove_abandoned()
        # Until the actor ends; the next one on this node removes what a killed one left.
        self._stack = ExitStack()
        folder = self._stack.enter_context(temporary_folder("node"))
        header = RunHeader(
            id="node",
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
            command=[],
            suite="cluster",
            environment=self._environment,
            planned=[],
        )
        self._writer = RunWriter.create(folder, header)
        self._session = Session(
            self._writer, MeasureSettings.model_validate(own), self._environment.fingerprint, Path.cwd()
        )

    def describe(self) -> str:
        """The node's environment, as JSON."""
        return self._environment.model_dump_json()

    def measure_case(self, case: Mapping[str, Any], repeat: int) -> dict[str, Any]:
        """Measure a case; return its record as JSON, the end of each log by name, and the script if there is one."""
        record = self._session.measure(Case.model_validate(case), Silent(), repeat)
        script = self._writer.path / SCRIPTS_FOLDER / f"{record.key}.py"
        return {
            "record": record.model_copy(update={"host": self._environment.host}).model_dump_json(),
            "logs": self._logs_of(record),
            "script": script.read_text() if script.exists() else None,
        }

    def _logs_of(self, record: Record) -> dict[str, str]:
        logs = {path.name: _end_of(path) for path in self._writer.logs.glob(f"{record.key}*.log")}
        host = self._writer.logs / f"host-{record.case.backend}.log"
        # Each node has its own log of the fork server.
        return logs | ({f"{host.stem}.{self._environment.host}.log": _end_of(host)} if host.exists() else {})


def own_version() -> str:
    """Version of keras-anatomy on this machine."""
    return metadata.version("keras-anatomy")


def unsupported_reason(
    gpus: float, visible: int, niceness: int, wanted: int, version: str, wanted_version: str
) -> str | None:
    """Why figures of this node would differ from those of `anatomy run` on it; `None` if they would not.

    Args:
        gpus: number of GPUs that the node lends to Ray.
        visible: number of GPUs that a case would see.
        niceness: niceness of this process, which its cases inherit.
        wanted: niceness of the process that started Ray's workers.
        version: version of keras-anatomy on this node.
        wanted_version: version on the machine that started the run.
    """
    if gpus != visible:
        return (
            f"it lends {gpus:g} GPUs to Ray and its cases would see {visible}, which others may be using;"
            " start Ray there with --num-gpus for all, and CUDA_VISIBLE_DEVICES for fewer"
        )
    if niceness > wanted:
        return f"its Ray workers run at niceness {niceness}; set {NICENESS}=0 before `ray start` there"
    if version != wanted_version:
        return (
            f"it has keras-anatomy {version}, and the sweep was started by {wanted_version}; install the same on every"
            " node"
        )
    return None


def restore_flags(variables: MutableMapping[str, str], of_node: Mapping[str, str]) -> None:
    """Set variables that change speed back to the node's values: Ray sets `OMP_NUM_THREADS`, among others."""
    for name in FLAGS:
        variables.pop(name, None)
        if name in of_node:
            variables[name] = of_node[name]


def raylet_environment() -> dict[str, str]:
    """Environment variables that Ray on this node was started with; those of this process if Ray did not start it."""
    for parent in psutil.Process().parents():
        if parent.name() == "raylet":
            return parent.environ()
    return dict(os.environ)


def _end_of(path: Path) -> str:
    data = path.read_bytes()
    return data[-_LOG_BYTES:].decode(errors="replace")
