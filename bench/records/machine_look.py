"""What else ran on the machine at the start and at the end of a run: `machine.jsonl` in the run's folder.

History of the format (`schema_version`):
    1   first version.
    2   other commands of Anatomy that measured at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from anatomy.bench.records.frozen import Frozen
from anatomy.bench.records.jsonl import append_line, read_lines

SCHEMA_VERSION = 2
LOOKS_FILE = "machine.jsonl"
# A process that used a core less than that in so short a look may be nothing but a tick of the clock.
BUSY, STOLEN = 0.2, 0.05
_NAMED = 3


class MachineLook(Frozen):
    """One look at the machine, before the first worker is started or after the last one has ended.

    Attributes:
        at: start or end of a run, or of a part of it that was resumed.
        looked_at: ISO 8601, UTC.
        watched_s: for how many seconds.
        busy: name and process id of each other process that used the CPU → share of a core.
        steal: share of time in which the hypervisor ran other machines; null where the kernel does not say.
        beside: other commands of Anatomy that measured at that time: command, process, since when.
    """

    schema_version: int = SCHEMA_VERSION
    at: Literal["start", "end"]
    looked_at: str
    watched_s: float = Field(gt=0)
    busy: dict[str, float] = Field(default_factory=dict)
    steal: float | None = None
    beside: list[str] = Field(default_factory=list)

    def disturbances(self) -> str:
        """What may have slowed the run, in words: `python (123) 98 % of a core`; empty of a quiet machine."""
        busy = sorted(((share, name) for name, share in self.busy.items() if share >= BUSY), reverse=True)
        found = [f"{name} {100 * share:.0f} % of a core" for share, name in busy[:_NAMED]]
        if len(busy) > _NAMED:
            found.append(f"{len(busy) - _NAMED} more")
        if self.steal is not None and self.steal >= STOLEN:
            found.append(f"{100 * self.steal:.0f} % of the time taken by the hypervisor")
        found += [f"{one}, shared" for one in self.beside]
        return ", ".join(found)


def append_look(folder: Path, look: MachineLook) -> None:
    """Append a look to those of a run."""
    append_line(folder / LOOKS_FILE, look.model_dump_json())


def read_looks(folder: Path) -> list[MachineLook]:
    """The looks of a run in order; empty where it has none, as older runs.

    Raises:
        UsageError: the file is damaged or of a newer version.
    """
    path = folder / LOOKS_FILE
    return read_lines(path, MachineLook, "a look at the machine", SCHEMA_VERSION) if path.is_file() else []


def busy_sentence(looks: Sequence[MachineLook]) -> str:
    """`busy at the start: …`; empty where no look found anything."""
    found = [f"busy at the {look.at}: {said}" for look in looks if (said := look.disturbances())]
    return "; ".join(dict.fromkeys(found))
