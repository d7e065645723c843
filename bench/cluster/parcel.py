"""The files of a case, on their way from its node to the run's folder: the workers' output and the script."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from anatomy.bench.case import Case
from anatomy.bench.store import LOGS_FOLDER, SCRIPTS_FOLDER

# The end of a log says why its worker ended.
LONGEST_BYTES = 2**20

Parcel = dict[str, bytes]


def pack(folder: Path, case: Case) -> Parcel:
    """Path inside the run's folder → content, of what the case has left in `folder`; of a long log, the end."""
    logs = [*(folder / LOGS_FOLDER).glob(f"{case.key}*.log"), folder / LOGS_FOLDER / f"host-{case.backend}.log"]
    files = [*logs, folder / SCRIPTS_FOLDER / f"{case.key}.py"]
    return {path.relative_to(folder).as_posix(): _end_of(path) for path in files if path.is_file()}


def unpack(parcel: Mapping[str, bytes], folder: Path, node: str) -> None:
    """Write the files into the run's folder. A host serves many cases of one node: its log carries the node's id.

    Raises:
        ValueError: a path that leads elsewhere than to the logs and scripts.
    """
    for name, content in parcel.items():
        path = PurePosixPath(name)
        if len(path.parts) != 2 or path.parts[0] not in (LOGS_FOLDER, SCRIPTS_FOLDER) or path.name == "..":
            raise ValueError(f"{name!r} from node {node} is no log and no script")
        if path.name.startswith("host-"):
            path = path.with_name(f"{path.stem}.{node}{path.suffix}")
        (folder / path.parent).mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def _end_of(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LONGEST_BYTES))
        return file.read()
