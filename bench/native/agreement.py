"""Whether a program computes what Keras computes: outputs, and weights after a few steps of training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from anatomy.bench.backends.step import Batch, Step
from anatomy.bench.errors.anatomy_error import InvalidCaseError
from anatomy.bench.errors.printable import one_line
from anatomy.bench.native.learning_rates import slow_down
from anatomy.bench.native.native_backend import NativeBackend
from anatomy.bench.native.program import Array
from anatomy.bench.records.case import Case
from anatomy.bench.records.rounding_tolerance import rounding_tolerance, saturated
from anatomy.bench.workload.build_case import Built, build
from anatomy.bench.workload.double_precision import double_precision
from anatomy.bench.workload.model_outputs import last_weights
from anatomy.bench.workload.output_sample import sample_outputs
from anatomy.models.returned_network import is_held

Weights = list[Array]

# Steps of training after which the weights are compared.
STEPS = 5
# Of the largest change of a weight in these steps. A wrong momentum, loss or normalisation is off by 10 % and more;
# rounding grows from step to step through thresholds and normalisation.
TRAINING_TOLERANCE = 0.02
# Where a network amplifies what even float64 rounds until five steps say nothing, so few must agree so closely: a
# momentum shows from the second step on. Rounding then is below 1e-7 of a change (docs/what-keras-costs.md).
FEW_STEPS, FEW_TOLERANCE = 2, 1e-4
# Of the change of all weights together, for optimizers that divide by the size of a gradient.
ADAPTIVE_TOLERANCE = 0.1
# A wrong program is off on every batch and at every learning rate. Where a step is so large that a probability falls
# below 1e-7, Keras's loss on JAX and PyTorch has no gradient any more, and one on logits has: a tenth of the rate keeps
# away from it.
BATCHES = 3
SLOWER = 0.1
# A weight that hardly moves, as a bias before a normalisation, shows nothing but rounding.
_HARDLY = 1e-2
# Random layers, which would draw other numbers in each framework.
_RATES = ("rate", "dropout", "recurrent_dropout", "drop_path_rate", "stddev")
_NEAR, _FAR, _LARGEST_POWER = 1e-4, 0.02, 30


def require_agreement(case: Case) -> str:
    """Build a case anew and compare its program with Keras on the same weights and data.

    Outputs are compared before they saturate: the last layer's weights are divided by a power of ten where they do.
    Training that differs in float32 is compared again in float64. A deep network with batch normalisation amplifies
    what a step rounds a hundredfold in the next, so that Keras differs from itself where its weights are nudged by one
    rounding: `python -m tests.benchmarks.rounding_in_training`.

    Returns:
        What agrees and how closely, for the record.

    Raises:
        InvalidCaseError: the two differ by more than rounding allows.
        NotImplementedError: Keras's own step fails.
    """
    if case.mode != "train":
        built, at = _prepared(case, Trial())
        return _compare_outputs(case, built) + at
    for number in range(BATCHES):
        try:
            return _compare_again(case, number) if number else _compare_training(case, Trial())
        except InvalidCaseError as error:
            differs = error
    raise differs


@dataclass(frozen=True)
class Trial:
    """How a model is trained for a comparison.

    Attributes:
        number: of the batch; 0 is the case's own.
        double: in float64.
        few: so few steps that float64 rounds next to nothing, which must agree the more closely.
    """

    number: int = 0
    double: bool = False
    few: bool = False

    @property
    def steps(self) -> int:
        """Steps of training."""
        return FEW_STEPS if self.few else STEPS

    def build(self, case: Case) -> Built:
        """Build the model without randomness, with the learning rate of this trial."""
        built = build(case, double=self.double)
        still(built.model)
        if case.mode == "train":
            slow_down(built.model.optimizer, SLOWER**self.number)
        if self.double:
            _round_options(built.model.optimizer)
        return built

    def batch(self, built: Built) -> Batch:
        """The batch of this trial."""
        return replace(built.batch, x=built.other_inputs(self.number).x) if self.number else built.batch

    def text(self) -> str:
        """What differs from the case."""
        slower = f", at {SLOWER**self.number:.2g} of the learning rate" if self.number else ""
        return slower + (", in float64" if self.double else "") + (", where more steps amplify it" if self.few else "")


def _compare_again(case: Case, number: int) -> str:
    """On another batch at a smaller learning rate, in float64 unless a side computes in float32 alone."""
    try:
        with double_precision():
            try:
                return _compare_training(case, Trial(number, double=True))
            except InvalidCaseError:
                if not _amplifies_rounding(case, Trial(number, double=True)):
                    raise
                return _compare_training(case, Trial(number, double=True, few=True))
    except InvalidCaseError:
        raise
    except Exception:  # noqa: BLE001  # the boundary: an operation that has no float64 may raise anything
        return _compare_training(case, Trial(number))


def _round_options(optimizer: Any) -> None:
    """Give the optimizer numbers that float32 has: Keras on TensorFlow rounds them so in float64 too."""
    for name, value in vars(optimizer).items():
        if isinstance(value, float):
            setattr(optimizer, name, float(np.float32(value)))


def _prepared(case: Case, trial: Trial) -> tuple[Built, str]:
    """A case built without randomness, its outputs not saturated, and what was done for that."""
    built = trial.build(case)
    # In inference an untrained network's outputs may be all alike, and in training spread: its normalisation differs.
    trains = case.mode == "train" and saturated(sample_outputs(_predicted(built)), _NEAR)
    scale = _unsaturated(built, _trained_outputs if trains else _predicted)
    return built, "" if scale == 1 else f", with the last weights × {scale:g}"


def still(model: Any) -> None:
    """Let random layers pass their input through."""
    if is_held(model):
        model.still()
    for layer in model._flatten_layers():
        for rate in _RATES:
            own = isinstance(getattr(type(layer), rate, None), property)
            if not own and isinstance(getattr(layer, rate, None), int | float):
                setattr(layer, rate, 0.0)


def _unsaturated(built: Built, outputs: Callable[[Built], Sequence[Array]]) -> float:
    """Multiply the last weights by a power of ten until the outputs are not all 0 or the largest; return the factor.

    Smaller weights first; larger ones where all outputs are alike. Where neither helps, the weights are as they were.
    """
    model = built.model
    last = last_weights(model)
    sample = sample_outputs(outputs(built))
    if not any(last) or not any(sample) or not saturated(sample, _NEAR):
        return 1.0
    own = [np.asarray(variable.numpy()) for variable in model.trainable_variables]
    powers = range(1, _LARGEST_POWER + 1)
    for scale in (*(10.0**-power for power in powers), *(10.0**power for power in powers)):
        for variable, value, is_last in zip(model.trainable_variables, own, last, strict=True):
            if is_last:
                variable.assign((value * scale).astype(value.dtype))
        found = sample_outputs(outputs(built))
        if not saturated(found, _FAR):
            if np.isfinite(found).all():
                return scale
            break
    for variable, value in zip(model.trainable_variables, own, strict=True):
        variable.assign(value)
    return 1.0


def _compare_outputs(case: Case, built: Built) -> str:
    from anatomy.bench.counting import count_model

    reference = _predicted(built)
    step = _step(case, built)
    found = step.fetch(step.launch())
    shapes = [array.shape for array in found], [array.shape for array in reference]
    if shapes[0] != shapes[1]:
        raise InvalidCaseError(f"the native program returns shapes {shapes[0]}, and Keras {shapes[1]}")
    deviation = max(_relative(ours, theirs) for ours, theirs in zip(found, reference, strict=True))
    tolerance = rounding_tolerance(count_model(built.model, built.input_shapes()).summary(), "float32") or 1e-3
    if not deviation <= tolerance:
        raise InvalidCaseError(
            f"the native program does not compute what Keras does: outputs differ by {deviation:.2g} of the largest,"
            f" and rounding allows {tolerance:.2g}"
        )
    return f"outputs agree within {deviation * 1e6:.2g} ppm of the largest, of {tolerance * 1e6:.2g} allowed"


def _compare_training(case: Case, trial: Trial) -> str:
    """Train both for some steps.

    Raises:
        InvalidCaseError: weights differ by more than rounding.
    """
    built, at = _prepared(case, trial)
    model, batch = built.model, trial.batch(built)
    built = replace(built, batch=batch)
    before, state = _weights(model), model.state() if is_held(model) else None
    step = _step(case, built)
    for _ in range(trial.steps):
        outputs = step.launch()
        step.drain([outputs])
    step.restore()
    ours = _weights(model)
    again = trial.build(case)
    for variable, value in zip(again.model.trainable_variables, before, strict=True):
        variable.assign(value)
    if state is not None:
        again.model.put_state(state)
    _train_keras(case, again.model, batch, trial.steps)
    theirs = _weights(again.model)
    return _agree(again.model, before, ours, theirs, trial) + trial.text() + at


def _amplifies_rounding(case: Case, trial: Trial) -> bool:
    """Whether Keras differs from itself by more than is allowed, from weights that are nudged by one rounding."""
    built, _ = _prepared(case, trial)
    before, batch, ends = _weights(built.model), trial.batch(built), list[Weights]()
    for nudge in (0.0, float(np.finfo(np.float64).eps)):
        model = trial.build(case).model
        for variable, value in zip(model.trainable_variables, before, strict=True):
            variable.assign(value * (1 + nudge))
        _train_keras(case, model, batch, trial.steps)
        ends.append(_weights(model))
    try:
        _agree(built.model, before, ends[1], ends[0], trial)
    except InvalidCaseError:
        return True
    return False


def _agree(model: Any, before: Weights, ours: Weights, theirs: Weights, trial: Trial) -> str:
    """Weights have moved alike, as the model's optimizer lets one tell."""
    if type(model.optimizer).__name__ != "SGD":
        return _agree_on_the_whole(before, ours, theirs, trial)
    paths = [variable.path for variable in model.trainable_variables]
    return _agree_one_by_one(before, ours, theirs, paths, trial)


def _train_keras(case: Case, model: Any, batch: Batch, steps: int) -> None:
    """Train Keras's side.

    Raises:
        NotImplementedError: it fails, so that there is nothing to compare with.
    """
    try:
        for _ in range(steps):
            model.train_on_batch(batch.x, batch.y)
    except MemoryError:
        # It has an outcome of its own.
        raise
    except Exception as error:  # the boundary: a step of Keras's may raise anything
        raise NotImplementedError(
            f"Keras's own training step on {case.keras_backend} fails, so nothing shows that the native program"
            f" computes the same: {one_line(error)}"
        ) from error


def _agree_one_by_one(
    before: Weights, ours: Weights, theirs: Weights, paths: Sequence[str], trial: Trial = Trial()
) -> str:
    """Every weight has moved to the same place, but for what float32 rounds when a step is added to it."""
    moved = [float(np.abs(new - old).max(initial=0)) for new, old in zip(theirs, before, strict=True)]
    least = _HARDLY * max(moved, default=0.0)
    rounding = [
        0.0 if trial.double else trial.steps * float(np.spacing(np.float32(np.abs(old).max(initial=0))))
        for old in before
    ]
    missed = [
        max(0.0, float(np.abs(a - b).max(initial=0)) - lost) for a, b, lost in zip(ours, theirs, rounding, strict=True)
    ]
    # Where Keras moves nothing at all, nothing may move.
    deviations = [
        miss / max(distance, least) if distance or least else (np.inf if miss else 0.0)
        for miss, distance in zip(missed, moved, strict=True)
    ]
    deviation = max(deviations, default=0.0)
    allowed = FEW_TOLERANCE if trial.few else TRAINING_TOLERANCE
    if not deviation <= allowed:
        worst = paths[int(np.argmax(deviations))]
        raise _differs(f"{worst} differs by {deviation:.2g} of its change, and {allowed:g} is allowed", trial.steps)
    return f"after {trial.steps} steps weights agree within {deviation * 100:.2g} % of their change"


def _agree_on_the_whole(before: Weights, ours: Weights, theirs: Weights, trial: Trial = Trial()) -> str:
    """The weights together have moved to the same place.

    An optimizer that divides by the size of the gradient gives a weight whose gradient is nothing but rounding a whole
    step, in a direction that rounding decides: weights cannot be compared one by one in float32.
    """
    allowed = FEW_TOLERANCE if trial.few else TRAINING_TOLERANCE if trial.double else ADAPTIVE_TOLERANCE
    difference = _length(a - b for a, b in zip(ours, theirs, strict=True))
    change = _length(b - old for b, old in zip(theirs, before, strict=True))
    deviation = difference / change if change else difference
    if not deviation <= allowed:
        how = f"the weights together differ by {deviation:.2g} of their change, and {allowed:g} is allowed"
        raise _differs(how, trial.steps)
    return f"after {trial.steps} steps weights together agree within {deviation * 100:.2g} % of their change"


def _length(parts: Iterable[Array]) -> float:
    return float(np.sqrt(sum(float((part.astype(np.float64) ** 2).sum()) for part in parts)))


def _differs(how: str, steps: int) -> InvalidCaseError:
    return InvalidCaseError(
        f"the native program does not train as Keras does, on {BATCHES} batches: after {steps} steps {how}"
    )


def _step(case: Case, built: Built) -> Step:
    backend = NativeBackend(case)
    return backend.prepare(built.model, built.batch, "train" if case.mode == "train" else "infer")


def _trained_outputs(built: Built) -> list[Array]:
    """Outputs as a training step has them: normalised by the batch."""
    import keras

    outputs = built.model(built.batch.x, training=True)
    return [keras.ops.convert_to_numpy(output) for output in keras.tree.flatten(outputs)]


def _predicted(built: Built) -> list[Array]:
    import keras

    return [np.asarray(array) for array in keras.tree.flatten(built.model.predict_on_batch(built.batch.x))]


def _weights(model: Any) -> list[Array]:
    return [np.array(variable.numpy()) for variable in model.trainable_variables]


def _relative(ours: Array, theirs: Array) -> float:
    a, b = ours.astype(np.float64), theirs.astype(np.float64)
    largest = float(np.abs(b).max(initial=0))
    difference = float(np.abs(a - b).max(initial=0))
    return difference / largest if largest else difference
