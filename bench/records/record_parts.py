"""The parts of a record that a worker or its supervisor measured: phases, blocks, counts, checks.

The use of devices is in `gpu_use`, that of the host in `process_usage`.
"""

from __future__ import annotations

from statistics import median
from typing import Annotated, Any, Literal

from pydantic import Field

from anatomy.bench.records.checked_numbers import ByteCount, Count, Duration, Finite, Seconds
from anatomy.bench.records.frozen import Frozen

SeriesLabel = Literal["settled", "drifting", "slowing", "never settled", "short"]
Verdict = Literal["agrees", "overlaps", "disagrees", "not checked"]


class Phases(Frozen):
    """Wall-clock seconds of each phase; null for a phase that was not reached.

    Attributes:
        import_s: import of Keras and the backend, once per fork server, shared by all its cases.
        start_s: from the request to the first line of the worker (fork and isolation).
        build_s: build of the model, its optimizer and the synthetic data, on the device.
        compile_s: the first step (tracing, compilation and one execution).
        warmup_s: further steps before anything is measured.
        measure_s: the measured window.
    """

    import_s: Duration | None = None
    start_s: Duration | None = None
    build_s: Duration | None = None
    compile_s: Duration | None = None
    warmup_s: Duration | None = None
    measure_s: Duration | None = None


class Block(Frozen):
    """A pipelined block: `steps` launched back to back in `seconds`, all outputs drained at both ends."""

    steps: Annotated[Count, Field(ge=1)]
    seconds: Seconds


class DrawnInput(Frozen):
    """One input of the measured model.

    Attributes:
        path: its place in the structure that the model takes, such as `tokens` or `image/left`; empty for the only one.
        shape: with the batch axis.
        dtype: Keras dtype.
        range: least and largest value that is drawn; null where there is none, as for normal values.
        why: what in the model asks for these values, or that they were given.
    """

    path: str
    shape: tuple[Count, ...]
    dtype: str
    range: tuple[float, float] | None = None
    why: str


class ScaledOutputs(Frozen):
    """Outputs with the last layers' weights scaled down, where their own saturate them.

    Attributes:
        scale: factor of the weights of each output's last layer with weights.
        sample: evenly spaced values of the outputs, in order.
    """

    scale: Finite
    sample: list[Finite]


# Counts that are lower bounds where a layer is uncounted.
OF_EVERY_LAYER = ("macs", "flops", "training_flops", "units")


class Counts(Frozen):
    """Counts of the model by the analytic counter, per example and forward. See `anatomy inspect`.

    Attributes:
        parameters: number of parameters.
        trainable_parameters: number of trainable parameters.
        macs: multiply-accumulate operations of the layers that could be counted: the model's, if `uncounted` is empty.
        flops: 2 × MACs.
        training_flops: FLOPs of one example in a training step, of the same layers; null in records from before it was
            counted.
        units: number of units (neurons).
        weight_layers: number of layers with weights.
        depth: number of layers with weights on the longest path.
        input_shape: shape of the inputs, without the batch.
        output_shape: shape of the outputs, without the batch.
        activation_bytes: bytes of the outputs of all layers.
        uncounted: names of the layers whose MACs could not be counted; `macs`, `flops`, `training_flops` and `units`
            are then lower bounds, and 0 says nothing.
    """

    parameters: Count
    trainable_parameters: Count
    macs: Count
    flops: Count
    training_flops: Count | None = None
    units: Count
    weight_layers: Count
    depth: Count
    input_shape: Any
    output_shape: Any
    activation_bytes: ByteCount
    uncounted: list[str] = Field(default_factory=list)

    def whole(self, name: str) -> Any:
        """A count by its name; `None` where layers are left out of it, so that it is only a lower bound."""
        return None if self.uncounted and name in OF_EVERY_LAYER else getattr(self, name)


class StageFigures(Frozen):
    """What a stage of an application went through, beside its time and memory.

    Attributes:
        examples: texts, words or vectors; 0 where it has none.
        size_bytes: bytes that it read; 0 where it reads none.
        losses: mean loss of an epoch, or over the texts kept for validation, of each process; empty for other stages.
        accuracies: the same for the share of right classes.
        deviation: of a loaded or exported model's outputs from Keras's own, the largest, over their largest value.
        beside_s: seconds that Keras's own `predict_on_batch` took for the same examples, in turns with the stage.
    """

    examples: Count = 0
    size_bytes: ByteCount = 0
    losses: list[float] = Field(default_factory=list)
    accuracies: list[float] = Field(default_factory=list)
    deviation: Finite | None = None
    beside_s: Seconds | None = None


class Series(Frozen):
    """The course of a series of step times; see `anatomy.bench.statistics.steady`.

    Attributes:
        label: `settled`; `drifting` (it became faster: warm-up had not ended), `slowing` (it became slower), `never
            settled` (neither), or `short` (too few steps to say).
        change_points: positions in the series at which its level changed.
        last_over_first: level after the last change point over the level before the first.
    """

    label: SeriesLabel
    change_points: list[Count] = Field(default_factory=list)
    last_over_first: Finite | None = None


class ClockCheck(Frozen):
    """N and 2N pipelined steps compared with the synchronised ones; see `anatomy.bench.measurement.clock_check`.

    Attributes:
        verdict: `agrees`; `overlaps` (pipelined steps are faster, which the host's time to prepare a step, or cores
            that run several steps at once, account for); `disagrees`; `not checked` (with the reason).
        slope_s: seconds that one more pipelined step takes, from blocks of N and 2N steps.
        synchronised_s: mean seconds of the synchronised steps.
        launch_s: mean seconds until `launch` returned.
        backlog_s: seconds for which the process went on computing after it had reported its outputs as ready.
        reason: reason in words.
        earlier: reason why an earlier window was measured again; empty where there was none.
    """

    verdict: Verdict
    slope_s: Finite | None = None
    synchronised_s: Finite | None = None
    launch_s: Finite | None = None
    backlog_s: Finite | None = None
    reason: str = ""
    earlier: str = ""


class Equality(Frozen):
    """Whether several devices train as one device does; see `anatomy.bench.parallel`.

    Attributes:
        verdict: `equal`; `differs` (the case is then `invalid`); `not checked`, with the reason.
        reason: reason in words.
        loss_deviation: largest relative difference of the losses of five steps.
        update_deviation: largest ‖difference‖ / ‖change‖ of a trainable variable over the five steps.
        replica_deviation: the same between the devices.
        tolerance: allowed deviation of losses and updates, from the dtype.
    """

    verdict: Literal["equal", "differs", "not checked"]
    reason: str = ""
    loss_deviation: Finite | None = None
    update_deviation: Finite | None = None
    replica_deviation: Finite | None = None
    tolerance: float | None = None


class AllReduce(Frozen):
    """An all-reduce of as many bytes as a step's gradients have, measured on its own.

    Attributes:
        size_bytes: bytes of float32 on each device.
        seconds: raw seconds of each repetition.
    """

    size_bytes: Annotated[ByteCount, Field(ge=1)]
    seconds: list[Seconds] = Field(min_length=1)

    @property
    def median_s(self) -> float:
        """Median seconds of a repetition."""
        return median(self.seconds)
