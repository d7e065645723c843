"""The parts of a record that a worker or its supervisor has measured: phases, blocks, counts, checks.

What devices did is in `device_use`, what the host gave in `host_use`.
"""

from __future__ import annotations

from statistics import median
from typing import Any, Literal

from pydantic import Field

from anatomy.bench.records.frozen import Frozen

SeriesLabel = Literal["settled", "drifting", "slowing", "never settled", "short"]
Verdict = Literal["agrees", "overlaps", "disagrees", "not checked"]


class Phases(Frozen):
    """Wall-clock seconds of each phase; null for a phase that was not reached.

    Attributes:
        import_s: importing Keras and the backend, once per fork server, shared by all its cases.
        start_s: from the request to the first line of the worker (fork and isolation).
        build_s: building the model, its optimizer and the synthetic data, on the device.
        compile_s: the first step (tracing, compilation and one execution).
        warmup_s: further steps before anything is measured.
        measure_s: the measured window.
    """

    import_s: float | None = None
    start_s: float | None = None
    build_s: float | None = None
    compile_s: float | None = None
    warmup_s: float | None = None
    measure_s: float | None = None


class Block(Frozen):
    """A pipelined block: `steps` launched back to back, all outputs drained at both ends."""

    steps: int = Field(ge=1)
    seconds: float = Field(gt=0)


class Counts(Frozen):
    """What the analytic counter found in the model; per example, forward. See `anatomy inspect`.

    Attributes:
        training_flops: of one example in a training step; null in records that were made before it was counted.
        uncounted: names the layers whose MACs could not be counted (then `macs` is a lower bound).
    """

    parameters: int
    trainable_parameters: int
    macs: int
    flops: int
    training_flops: int | None = None
    units: int
    weight_layers: int
    depth: int
    input_shape: Any
    output_shape: Any
    activation_bytes: int
    uncounted: list[str] = Field(default_factory=list)


class Series(Frozen):
    """What became of a series of step times; see `anatomy.bench.statistics.steady`.

    Attributes:
        label: `settled`; `drifting` (became faster: warm-up had not ended), `slowing` (became slower),
            `never settled` (neither), or `short` (too few steps to say).
        change_points: positions in the series at which its level changed.
        last_over_first: level after the last change point over the level before the first.
    """

    label: SeriesLabel
    change_points: list[int] = Field(default_factory=list)
    last_over_first: float | None = None


class ClockCheck(Frozen):
    """N and 2N pipelined steps against the synchronised ones; see `anatomy.bench.measurement.clock_check`.

    Attributes:
        verdict: `agrees`; `overlaps` (pipelined steps are faster, and the time in which the host
            prepares a step, or the cores that run several at once, account for it); `disagrees`;
            `not checked` (with the reason).
        slope_s: seconds a further pipelined step takes, from blocks of N and 2N.
        synchronised_s: mean of the synchronised steps.
        launch_s: mean time until `launch` returned.
        backlog_s: time for which the process went on computing after its outputs were said to be ready.
        reason: in words.
        earlier: the reason for which a window before this one was measured again; empty where there was none.
    """

    verdict: Verdict
    slope_s: float | None = None
    synchronised_s: float | None = None
    launch_s: float | None = None
    backlog_s: float | None = None
    reason: str = ""
    earlier: str = ""


class Equality(Frozen):
    """Whether several devices train as one does; see `anatomy.bench.parallel`.

    Attributes:
        verdict: `equal`; `differs` (then the case is `invalid`); `not checked`, with the reason.
        loss_deviation: largest relative difference of the losses of five steps.
        update_deviation: largest ‖difference‖ / ‖change‖ of a trainable variable over the five steps.
        replica_deviation: the same between the devices themselves.
        tolerance: of the losses and changes, from the dtype.
    """

    verdict: Literal["equal", "differs", "not checked"]
    reason: str = ""
    loss_deviation: float | None = None
    update_deviation: float | None = None
    replica_deviation: float | None = None
    tolerance: float | None = None


class AllReduce(Frozen):
    """The sum over all devices of as many bytes as a step's gradients have, by itself.

    Attributes:
        size_bytes: of float32 on each device.
        seconds: of each repetition, raw.
    """

    size_bytes: int = Field(ge=1)
    seconds: list[float] = Field(min_length=1)

    @property
    def median_s(self) -> float:
        """Seconds."""
        return median(self.seconds)
