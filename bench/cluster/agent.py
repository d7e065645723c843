"""What runs on a node: a session as on that machine alone, in a process of Ray's that has the node to itself."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, MutableMapping
from importlib import metadata
from pathlib import Path

from anatomy.bench.case import Case
from anatomy.bench.cluster.kind import Hello
from anatomy.bench.cluster.parcel import Parcel, pack
from anatomy.bench.environment import FLAGS, collect
from anatomy.bench.kept import kept_ceilings
from anatomy.bench.session import Session, Silent
from anatomy.bench.settings import MeasureSettings
from anatomy.bench.store import RunWriter
from anatomy.bench.supervise import usable_memory_bytes
from anatomy.bench.telemetry.library import list_gpus

DISTRIBUTION = "keras-anatomy"
# Ray starts its workers at niceness 15; read by a worker as it starts, so that the agent's runtime_env can set it.
NICENESS = "RAY_worker_niceness"


class NodeAgent:
    """Ray's actor on one node; one at a time, since it claims all that the node lends.

    It takes and gives JSON, so that driver and node need not agree on how objects are pickled.

    Args:
        gpus: that the node lends, all of them claimed.
        shipped: whether the working directory is a copy of the driver's, with the user's modules.
    """

    def __init__(self, gpus: float, shipped: bool) -> None:
        as_started(os.environ, started_with())
        self._gpus = gpus
        self._folder = Path(tempfile.mkdtemp(prefix="anatomy-node-"))
        if not shipped:
            # Where `ray start` was called is nobody's business, and its modules would be found first.
            os.chdir(self._folder)
        self._session: Session | None = None

    def hello(self) -> str:
        """A `Hello` as JSON."""
        here = collect()
        return Hello(
            version=metadata.version(DISTRIBUTION),
            environment=here,
            ceilings=kept_ceilings(here.fingerprint),
            usable_memory_bytes=usable_memory_bytes(),
            trouble=unfit(self._gpus, len(list_gpus().names), _niceness(0), _niceness(os.getppid())),
        ).model_dump_json()

    def measure(self, case: str, repeat: int, settings: str) -> tuple[str, Parcel]:
        """Measure a case in a fresh process; its record as JSON, and its files.

        Args:
            case: as JSON, like `settings`, which stay as they were at the first case.
            repeat: which of the case's processes.
        """
        if self._session is None:
            self._session = self._begun(MeasureSettings.model_validate_json(settings))
        one = Case.model_validate_json(case)
        record = self._session.measure(one, Silent(), repeat)
        return record.model_dump_json(), pack(self._folder, one)

    def close(self) -> None:
        """End the fork servers and remove what was written here."""
        if self._session is not None:
            self._session.__exit__()
            self._session = None
        os.chdir(self._folder.parent)
        shutil.rmtree(self._folder)

    def _begun(self, settings: MeasureSettings) -> Session:
        writer = RunWriter(self._folder)
        writer.logs.mkdir()
        return Session(writer, settings, collect().fingerprint)


def started_with(proc: Path = Path("/proc/self/environ")) -> dict[str, str]:
    """The environment that this process was started with (proc_pid_environ(5)), before Ray's worker changed it."""
    entries = proc.read_text(errors="surrogateescape").split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def as_started(variables: MutableMapping[str, str], started: Mapping[str, str]) -> None:
    """Undo what Ray's worker has set of the variables that decide speed.

    It sets OMP_NUM_THREADS to the CPUs that are claimed and CUDA_VISIBLE_DEVICES to the GPUs: all of the node, as
    without them, and another fingerprint.
    """
    for name in FLAGS:
        variables.pop(name, None)
        if name in started:
            variables[name] = started[name]


def unfit(gpus: float, visible: int, niceness: int, wanted: int) -> str:
    """Why nothing may be measured on this node; empty when nothing speaks against it.

    Args:
        gpus: lent to Ray, and claimed.
        visible: GPUs that a case would see.
        niceness: of this process and so of its cases.
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


def _niceness(pid: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, pid)
