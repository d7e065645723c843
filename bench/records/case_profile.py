"""A profile: where the time of one case's step went. One line of `profiles.jsonl`, beside `records.jsonl`.

History of the format (`schema_version`):
    1   first version.

Times of layers and gaps are seconds per traced step. Every instant of a step is counted once: operations that run at
the same time on several threads share it equally. Layers, unattributed operations and gaps then add up to the step.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import Field

from anatomy.bench.records.case import Case
from anatomy.bench.records.checked_numbers import ByteCount, Count
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
# Why a GPU ran nothing: the host was fetching data; what came next had not been launched; it was launched within the
# gap; it had been launched before; its launch was not recorded, or nothing came next within the step.
IdleCause = Literal["input", "host-bound", "launch", "queued", "unknown"]
IDLE_WORDS: Mapping[IdleCause, str] = MappingProxyType(
    {
        "input": "fetching data",
        "host-bound": "host-bound, nothing launched",
        "launch": "launched, on its way",
        "queued": "launched earlier, not begun",
        "unknown": "launch not recorded, or nothing more in the step",
    }
)
# What a step is divided into, in the order in which it is shown.
STEP_PARTS = ("input_wait", "host_dispatch", "device_compute", "communication", "idle")

# Names of rows for work that belongs to no layer; no layer can have such a name.
LOSS, METRICS, OPTIMIZER, INPUT = "(loss)", "(metrics)", "(optimizer)", "(input)"


class Operation(Frozen):
    """One type of operation of one layer, in one pass.

    Attributes:
        name: the backend's name, `Conv2D` or `aten::addmm`; for a fused operation its parts, `fusion(dot, add)`.
        kind: kind of work.
        pass_: pass of the step.
        calls: number of calls per step; on a GPU, of kernels and copies.
        fused: number of the program's operations that were merged into each call, 1 for none; null where the backend
            does not tell.
        time: seconds per step.
    """

    name: str
    kind: Kind
    pass_: Pass
    calls: float
    fused: float | None
    time: float


class LayerTime(Frozen):
    """The time of one layer, over all its calls and passes.

    Attributes:
        name: name as in the rows of `anatomy inspect`; in brackets for work of no layer: `(optimizer)`.
        type: class of the layer; empty for rows in brackets.
        time: seconds of device time per step.
        share: share of the device time of the step, including unattributed operations.
        forward: seconds of `time` in the forward pass.
        backward: seconds of `time` in the backward pass.
        host: seconds that the host spent in the layer while no operation ran; null where it launches the step as a
            whole.
        flops: FLOPs of the layer in one step: 2 × MACs × batch, and three times that in training; null for work of no
            layer, or where the layer could not be counted.
        flops_share: share of the FLOPs of the step.
        flops_per_s: FLOP/s achieved in `time`.
        moved_bytes: least number of bytes that the layer reads and writes in one step: inputs, outputs, parameters.
        bound: `launch` where the host took longer than the operations, or these are short and do little; else the
            longer of the times that compute (`flops` at the ceiling of its dtype) and memory (`moved_bytes` at the
            measured bandwidth) would take; null where the ceilings were not measured.
        operations: the layer's operations, longest first.
        members: of a fusion of several layers their names; empty of one layer, and in older profiles.
        ceiling_share: `flops_per_s` over the ceiling of the layer's dtype; null where that was not measured.
        tensor_core_share: share of the time of its products and convolutions in kernels that use a GPU's tensor cores,
            of those whose names say so or say that they do not; null where none does, and on CPUs.
    """

    name: str
    type: str
    time: float
    share: float
    forward: float = 0.0
    backward: float = 0.0
    host: float | None = None
    flops: Count | None = None
    flops_share: float | None = None
    flops_per_s: float | None = None
    moved_bytes: ByteCount | None = None
    bound: Bound | None = None
    operations: list[Operation] = Field(default_factory=list)
    members: list[str] = Field(default_factory=list)
    ceiling_share: float | None = None
    tensor_core_share: float | None = None


class KindTime(Frozen):
    """The time of one kind of work over all layers.

    Attributes:
        kind: kind of work; `host` is time of the host while no operation ran.
        time: seconds per step.
        share: share of the step.
    """

    kind: Kind
    time: float
    share: float


class Gaps(Frozen):
    """A step divided by what it waited for, in seconds per step; the five parts add up to `step`.

    Attributes:
        input_wait: the host fetched data and put them on the device, and no operation ran.
        host_dispatch: the host launched the step, and no operation ran; on a GPU, also while a launch was on its way.
        device_compute: an operation ran.
        communication: devices exchanged data, and no other operation ran.
        idle: everything was launched, and no operation ran.
        step: wall-clock time of a traced step, by the host's clock.
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
        schema_version: version of the format.
        case: the profiled case.
        name: readable name of the case.
        outcome: outcome as in a record; only `ok` has figures.
        reason: why the outcome is not `ok`.
        environment: fingerprint of the run's environment.
        steps: number of traced steps.
        step: median seconds of a step without a trace, in the same process, each waited for; for `fit` and `predict`
            the median epoch over its steps.
        gaps: what the traced steps waited for.
        idle_causes: of a GPU: seconds per step in which it ran nothing, by cause; they add up to input wait, host
            dispatch and idle. Empty for CPUs.
        layers: times of the layers, longest first.
        kinds: times of the kinds of work, longest first.
        unattributed: operations that belong to no known layer.
        unattributed_share: share of these operations of the device time.
        not_measured: figure → why it is missing.
        caveats: what to know before one trusts the figures, a sentence each.
        trace: folder of the trace for TensorBoard, relative to the run's folder.
    """

    schema_version: int = SCHEMA_VERSION
    case: Case
    name: str
    outcome: Outcome = "ok"
    reason: str = ""
    environment: str = ""
    steps: Count = 0
    step: float | None = None
    gaps: Gaps | None = None
    idle_causes: dict[IdleCause, float] = Field(default_factory=dict)
    layers: list[LayerTime] = Field(default_factory=list)
    kinds: list[KindTime] = Field(default_factory=list)
    unattributed: list[Operation] = Field(default_factory=list)
    unattributed_share: float | None = None
    not_measured: dict[str, str] = Field(default_factory=dict)
    caveats: list[str] = Field(default_factory=list)
    trace: str | None = None

    @property
    def key(self) -> str:
        """The key of the case."""
        return self.case.key

    @property
    def device_time(self) -> float:
        """Seconds per step in which operations ran, including communication."""
        return sum(layer.time for layer in self.layers) + sum(operation.time for operation in self.unattributed)


def read_profiles(folder: Path) -> list[Profile]:
    """Read the profiles of a run, the last of each case; empty where it has none.

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
