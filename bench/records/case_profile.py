"""A profile: where the time of one case's step went. One line of `profiles.jsonl`, beside `records.jsonl`.

History of the format (`schema_version`):
    1   first version.

Times of layers and gaps are of the traced steps, per step, in seconds. Every instant of a step is counted once:
where several operations run at the same time on several threads, they share it equally, so that layers, what could
not be attributed, and gaps add up to the step.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from anatomy.bench.records.case import Case
from anatomy.bench.records.frozen import Frozen
from anatomy.bench.records.jsonl import append_line, read_lines
from anatomy.bench.records.record import Outcome

SCHEMA_VERSION = 1
PROFILES_FILE = "profiles.jsonl"

Kind = Literal[
    "convolution",
    "matrix product",
    "recurrent",
    "normalisation",
    "reduction",
    "element-wise",
    "data movement",
    "optimizer",
    "communication",
    "host",
]
Pass = Literal["forward", "backward", "update"]
Bound = Literal["compute", "memory", "launch"]
# What a step is divided into, in the order in which it is shown.
STEP_PARTS = ("input_wait", "host_dispatch", "device_compute", "communication", "idle")

# Rows for work of the step that is no layer's, named as no layer can be.
LOSS, METRICS, OPTIMIZER, INPUT = "(loss)", "(metrics)", "(optimizer)", "(input)"


class Operation(Frozen):
    """One type of operation of one layer, in one pass.

    Attributes:
        name: as the backend calls it: `Conv2D`, `aten::addmm`; a fused one by what it does: `fusion(dot, add)`.
        calls: per step.
        fused: operations of the program that were merged into each call; 1 where it stands alone, null where
            the backend does not tell.
        time: seconds per step.
    """

    name: str
    kind: Kind
    pass_: Pass
    calls: float
    fused: float | None
    time: float


class LayerTime(Frozen):
    """One layer, all its calls and passes together.

    Attributes:
        name: as in the rows of `anatomy inspect`; in brackets for what is no layer's: `(optimizer)`.
        type: its class; for rows in brackets empty.
        time: seconds of device time per step.
        share: of the device time of the step, what could not be attributed included.
        forward: seconds of `time` in the forward pass.
        backward: seconds of `time` in the backward pass.
        host: seconds the host spent within the layer without an operation running; null where it launches
            the step as a whole.
        flops: of the layer in one step: 2 × MACs × batch, and three times that in training; null for what is no
            layer's or could not be counted.
        flops_share: of the FLOPs of the step.
        flops_per_s: achieved in `time`.
        moved_bytes: what the layer must at least read and write in one step: inputs, outputs, parameters.
        bound: launch, where the host took longer than the operations, or these are short and do little; else the
            longer of the times that compute (`flops` at the ceiling of its dtype) and memory (`moved_bytes` at the
            measured bandwidth) would take; null where the ceilings were not measured.
        operations: what it ran, longest first.
    """

    name: str
    type: str
    time: float
    share: float
    forward: float = 0.0
    backward: float = 0.0
    host: float | None = None
    flops: int | None = None
    flops_share: float | None = None
    flops_per_s: float | None = None
    moved_bytes: int | None = None
    bound: Bound | None = None
    operations: list[Operation] = Field(default_factory=list)


class KindTime(Frozen):
    """One kind of work over all layers.

    Attributes:
        time: seconds per step.
        share: of the step; `host` is what the host took without an operation running.
    """

    kind: Kind
    time: float
    share: float


class Gaps(Frozen):
    """A step by what kept it waiting, in seconds per step; the five add up to `step`.

    Attributes:
        input_wait: the host fetched data and put them on the device, and no operation ran.
        host_dispatch: the host launched the step, and no operation ran.
        device_compute: an operation ran.
        communication: devices exchanged data, and no other operation ran.
        idle: all was launched, and no operation ran.
        step: wall clock of the traced steps, by the host's own clock.
    """

    input_wait: float
    host_dispatch: float
    device_compute: float
    communication: float
    idle: float
    step: float

    @property
    def parts(self) -> dict[str, float]:
        """Seconds of each of the five parts, by name."""
        return {name: getattr(self, name) for name in STEP_PARTS}

    @property
    def sum(self) -> float:
        """Sum of the five parts; what it lacks of `step` is missing from the trace."""
        return self.input_wait + self.host_dispatch + self.device_compute + self.communication + self.idle


class Profile(Frozen):
    """Where the time of one case's step went.

    Attributes:
        case: what was profiled.
        name: its readable name.
        outcome: as of a record; figures are there for `ok` only.
        reason: why it is not `ok`.
        environment: fingerprint.
        steps: traced.
        step: median seconds of a step without a trace, in the same process, each waited for; of `fit` and `predict`
            the median epoch over its steps.
        gaps: of the traced steps.
        layers: longest first.
        kinds: longest first.
        unattributed: operations that belong to no layer that is known.
        unattributed_share: their share of the device time.
        not_measured: figure → why it is missing.
        trace: folder of the trace below the run's folder, as TensorBoard shows it.
    """

    schema_version: int = SCHEMA_VERSION
    case: Case
    name: str
    outcome: Outcome = "ok"
    reason: str = ""
    environment: str = ""
    steps: int = 0
    step: float | None = None
    gaps: Gaps | None = None
    layers: list[LayerTime] = Field(default_factory=list)
    kinds: list[KindTime] = Field(default_factory=list)
    unattributed: list[Operation] = Field(default_factory=list)
    unattributed_share: float | None = None
    not_measured: dict[str, str] = Field(default_factory=dict)
    trace: str | None = None

    @property
    def key(self) -> str:
        """The case's."""
        return self.case.key

    @property
    def device_time(self) -> float:
        """Seconds per step in which operations ran, communication included."""
        return sum(layer.time for layer in self.layers) + sum(operation.time for operation in self.unattributed)


def read_profiles(folder: Path) -> list[Profile]:
    """The profiles of a run, the last of each case; empty where it has none.

    Raises:
        UsageError: a line is damaged, or a newer Anatomy wrote it; the message names file, line and remedy.
    """
    path = folder / PROFILES_FILE
    if not path.exists():
        return []
    remedy = "delete the line, and profile its case again"
    found = read_lines(path, Profile, "a profile", SCHEMA_VERSION, remedy)
    return list({profile.case.key: profile for profile in found}.values())


def append_profile(folder: Path, profile: Profile) -> None:
    """Append a profile to those of a run, and force it to disk."""
    append_line(folder / PROFILES_FILE, profile.model_dump_json())
