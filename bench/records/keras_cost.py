"""What Keras costs over a framework's own layers, for one case: one line of `keras-costs.jsonl` in a run's folder.

History of the format (`schema_version`):
    1   first version.
"""

from __future__ import annotations

import math
from pathlib import Path
from statistics import median
from typing import Any

from pydantic import Field

from anatomy.bench.records.case import Case
from anatomy.bench.records.frozen import Frozen
from anatomy.bench.records.jsonl import append_line, read_lines
from anatomy.bench.records.record import Outcome
from anatomy.bench.statistics.interval import Interval, between_processes

SCHEMA_VERSION = 1
COSTS_FILE = "keras-costs.jsonl"


class KerasCost(Frozen):
    """One model on one framework, through Keras and by itself, in pairs of processes that took turns.

    Attributes:
        schema_version: version of the format.
        keras: the case through Keras.
        native: the same model in the framework's own layers.
        outcome: `ok`, or why there is no ratio.
        reason: why the outcome is not `ok`.
        keras_step_s: through Keras, the median seconds of a synchronised step in each pair.
        native_step_s: in the framework's own layers, likewise.
        effects: for each pair ln(through Keras / native), the trimmed mean over steps that were taken side by side.
        agreement: how closely both compute the same.
        keras_settings: settings in effect through Keras.
        native_settings: settings in effect without.
        versions: package → version.
    """

    schema_version: int = SCHEMA_VERSION
    keras: Case
    native: Case
    outcome: Outcome = "ok"
    reason: str = ""
    keras_step_s: list[float] = Field(default_factory=list)
    native_step_s: list[float] = Field(default_factory=list)
    effects: list[float] = Field(default_factory=list)
    agreement: str = ""
    keras_settings: dict[str, Any] = Field(default_factory=dict)
    native_settings: dict[str, Any] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """How many times as long a step takes through Keras, the median of the pairs."""
        return math.exp(median(self.effects)) if self.effects else None

    @property
    def interval(self) -> Interval | None:
        """95 % interval of the ratio between processes; `None` below two pairs."""
        return between_processes([math.exp(effect) for effect in self.effects])

    @property
    def half_width(self) -> float:
        """Half the interval's width over the ratio; infinite without an interval."""
        interval, ratio = self.interval, self.ratio
        return math.inf if interval is None or ratio is None else (interval[1] - interval[0]) / 2 / ratio


def read_costs(folder: Path) -> list[KerasCost]:
    """The costs of a run, the last of each case; empty where it has none.

    Raises:
        UsageError: a line is damaged, or a newer Anatomy wrote it; the message names file and line.
    """
    path = folder / COSTS_FILE
    if not path.exists():
        return []
    found = read_lines(path, KerasCost, "a cost of Keras", SCHEMA_VERSION)
    return list({(cost.keras.key, cost.native.key): cost for cost in found}.values())


def append_cost(folder: Path, cost: KerasCost) -> None:
    """Append a cost to those of a run, and force it to disk."""
    append_line(folder / COSTS_FILE, cost.model_dump_json())
