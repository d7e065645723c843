"""A request to the gate: the base, the candidate, the cases, and how much they may differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anatomy.bench.records.run_store import DEFAULT_FOLDER, new_run_id
from anatomy.bench.records.settings import MeasureSettings, require_above_zero
from anatomy.bench.regression_gate.gate_settings import gate_settings
from anatomy.bench.regression_gate.inventory import Selection
from anatomy.bench.regression_gate.resolve_sides import Base


def result_folder(out: Path | str | None = None) -> Path:
    """The folder of a result: `out`, else a new one in `anatomy-runs`, named by the time."""
    return Path(out) if out else Path(DEFAULT_FOLDER) / f"gate-{new_run_id()}"


@dataclass(frozen=True)
class GateRequest:
    """A comparison to make.

    Attributes:
        base: what the candidate is compared with.
        directory: the candidate's: the working tree, or a folder in it.
        selection: cases to compare; None where they are given one by one, as pytest's items are.
        settings: how the processes of a pair are measured.
        candidate: settings of the candidate: `jit=on`, `dtype=…`, `backend=…`, `env:NAME=…`.
        tolerate: metric, or `mode.metric` → rule; these win over all others.
        allow_dirty: compare a working tree that differs from its commit.
        allow_new: let cases through that the base lacks.
        allow_stored_time: compare time with a stored run too.
        minutes: time of a comparison, of which pairs take 85 % at most; None for the project's setting.
        out: folder of the result.
        command: the command line, for the result.

    Raises:
        UsageError: `minutes` is not above 0, or not finite.
    """

    base: Base
    directory: Path
    selection: Selection | None = None
    settings: MeasureSettings = field(default_factory=gate_settings)
    candidate: Sequence[str] = ()
    tolerate: Mapping[str, Any] = field(default_factory=dict)
    allow_dirty: bool = False
    allow_new: bool = False
    allow_stored_time: bool = False
    minutes: float | None = None
    out: Path = field(default_factory=result_folder)
    command: Sequence[str] = ()

    def __post_init__(self) -> None:
        require_above_zero("minutes", self.minutes)

    @property
    def suite(self) -> str:
        """Name of what is compared, for the result."""
        return self.selection.name if self.selection else "pytest"
