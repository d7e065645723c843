"""What measures on a node of the cluster: a session as in `anatomy run`, in an actor that has the node to itself."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.machine.collect_environment import FLAGS, collect
from anatomy.bench.machine.telemetry.nvml_library import list_gpus
from anatomy.bench.records.case import Case
from anatomy.bench.records.environment import Environment
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import SCRIPTS_FOLDER, RunHeader, RunWriter
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.runner.session import Session, Silent
from anatomy.bench.runner.supervisor import usable_memory_bytes

_LOG_BYTES = 200_000
NICENESS = "RAY_worker_niceness"


class NodeAgent:
    """Measures one case after another on the node where it lives; the node's frameworks are imported once.

    Args:
        settings: how cases are measured.
        gpus: that the node lends to Ray, all of them claimed.
        version: of keras-anatomy where the sweep was started.

    Raises:
        SetupError: the node would measure under other conditions than by itself.
    """

    def __init__(self, settings: Mapping[str, Any], gpus: float, version: str) -> None:
        restore_flags(os.environ, raylet_environment())
        niceness, wanted = (os.getpriority(os.PRIO_PROCESS, pid) for pid in (0, os.getppid()))
        why = unfit(gpus, len(list_gpus().names), niceness, wanted) or unlike_version(own_version(), version)
        if why:
            raise SetupError(why)
        own = dict(settings)
        if own.get("memory_limit_bytes") is None:
            own["memory_limit_bytes"] = usable_memory_bytes()
        self._environment = collect()
        self._folder = tempfile.TemporaryDirectory(prefix="anatomy-node-")
        header = RunHeader(
            id="node",
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
            command=[],
            suite="cluster",
            environment=self._environment,
            planned=[],
        )
        self._writer = RunWriter.create(Path(self._folder.name), header)
        self._session = Session(
            self._writer, MeasureSettings.model_validate(own), self._environment.fingerprint, Path.cwd()
        )

    def describe(self) -> str:
        """The node's environment, as JSON."""
        return self._environment.model_dump_json()

    def measure(self, case: Mapping[str, Any], repeat: int) -> dict[str, Any]:
        """Measure a case; its record as JSON, the end of each log by name, and the script if there is one."""
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
        # Each node has its own.
        return logs | ({f"{host.stem}.{self._environment.host}.log": _end_of(host)} if host.exists() else {})


def own_version() -> str:
    """Of keras-anatomy here."""
    return metadata.version("keras-anatomy")


def unlike_version(here: str, there: str) -> str:
    """That a node's keras-anatomy is not the sweep's; empty where it is."""
    if here == there:
        return ""
    return f"it has keras-anatomy {here}, and the sweep was started by {there}; install the same on every node"


def unfit(gpus: float, visible: int, niceness: int, wanted: int) -> str:
    """Why figures of this node would not be those of `anatomy run` on it; empty where they would.

    Args:
        gpus: lent to Ray, and claimed.
        visible: GPUs that a case would see.
        niceness: of this process, and so of its cases.
        wanted: that of the process which started Ray's workers.
    """
    if gpus != visible:
        return (
            f"it lends {gpus:g} GPUs to Ray and its cases would see {visible}, which others may be using;"
            " start Ray there with --num-gpus for all, and CUDA_VISIBLE_DEVICES for fewer"
        )
    if niceness > wanted:
        return f"its Ray workers run at niceness {niceness}; set {NICENESS}=0 before `ray start` there"
    return ""


def restore_flags(variables: MutableMapping[str, str], of_node: Mapping[str, str]) -> None:
    """Set the variables that change speed as the node has them: Ray sets `OMP_NUM_THREADS` and others for its tasks."""
    for name in FLAGS:
        variables.pop(name, None)
        if name in of_node:
            variables[name] = of_node[name]


def raylet_environment() -> dict[str, str]:
    """The environment that this node's Ray was started with; this process's own where there is no Ray above it."""
    for parent in psutil.Process().parents():
        if parent.name() == "raylet":
            return parent.environ()
    return dict(os.environ)


def environment_of(description: str) -> Environment:
    """From `describe`."""
    return Environment.model_validate_json(description)


def _end_of(path: Path) -> str:
    data = path.read_bytes()
    return data[-_LOG_BYTES:].decode(errors="replace")
