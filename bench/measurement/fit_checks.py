"""Check that Keras's own `fit` trained the model."""

from __future__ import annotations

import math
import time
from typing import Any, cast

from anatomy.bench.backends.step import Batch, Step, WeightSums
from anatomy.bench.errors.anatomy_error import InvalidCaseError
from anatomy.bench.input_pipeline.feeds import Fed
from anatomy.bench.measurement import validity_checks
from anatomy.bench.measurement.keras_loop import LoopCall
from anatomy.bench.measurement.validity_checks import Losses

# Most batches of a further epoch, trained to see whether the loss goes down.
FURTHER_STEPS = 10


class FitStep:
    """Adapts `fit` to the checks of a step: each launch is an epoch of one batch."""

    def __init__(self, model: Any, batch: Batch, fed: Fed) -> None:
        self._call = LoopCall(model, batch, "fit", fed)
        self.most_steps = self._call.most_steps
        self._steps = 0
        self._sum = 0.0

    def note(self, steps: int, loss: float) -> float:
        """Add an epoch with its mean loss; return the running mean over all steps, which a step would report."""
        self._steps += steps
        self._sum += steps * loss
        return self._sum / self._steps

    def train(self, steps: int) -> float:
        """Train one more epoch of `steps` batches and return its mean loss."""
        loss = self._call.timed(self._call.data(steps), time.perf_counter).loss
        return math.nan if loss is None else loss

    def launch(self) -> float:
        """Train one more epoch of one batch and return the running mean of the loss."""
        return self.note(1, self.train(1))

    def loss(self, outputs: float) -> float:
        """The running mean that `launch` returned."""
        return outputs


def require_trained(
    fits: list[tuple[int, float]],
    step: FitStep,
    before: WeightSums,
    after: WeightSums,
    unjudged: str = "",
    chosen_optimizer: bool = False,
) -> dict[str, str]:
    """The checks of a `fit`, like those of `train`: compares the loss of its first step with that of the last epoch.

    Args:
        fits: number of steps and mean loss of each epoch; the first epoch is a single step.
        step: trains further epochs where these are too few to tell.
        before, after: checksums of the weights before the first epoch and after the last.
        unjudged: why a loss that does not go down says nothing; empty if it does.
        chosen_optimizer: whether Anatomy chose the optimizer: that it diverges says nothing of the step.

    Returns:
        Name of each check → its result.

    Raises:
        InvalidCaseError: a loss is not finite, the weights did not change, or the loss does not go down.
    """
    moved = validity_checks.require_moved(before, after)
    if not fits:
        return {"weights move": moved, "loss goes down": "not checked: the epochs report no loss"}
    fits = fits + _further(fits, step)
    seen = f"within {sum(steps for steps, _ in fits)} steps"
    if bad := [loss for _, loss in fits if not math.isfinite(loss)]:
        if chosen_optimizer and math.isfinite(fits[0][1]):
            said = f"not checked: the loss became {bad[0]} under {validity_checks.CHOSEN}"
            return {"weights move": moved, "loss goes down": said}
        raise InvalidCaseError(f"the loss became {bad[0]} {seen}; it must be finite")
    losses = Losses()
    judged = cast("Step", step)
    for steps, loss in fits:
        losses.after(steps, judged, step.note(steps, loss))
    learning = validity_checks.require_learning(judged, losses, unjudged, chosen_optimizer)
    return {"weights move": moved, "loss goes down": learning}


def _further(fits: list[tuple[int, float]], step: FitStep) -> list[tuple[int, float]]:
    """Train further epochs, untimed, while the loss has not gone down and steps are left to show that it does.

    They grow to several batches each, since one call costs as much as many small steps.
    """
    end = time.perf_counter() + validity_checks.LEARNING_BUDGET_S
    more: list[tuple[int, float]] = []
    done, last = sum(steps for steps, _ in fits), fits[-1][1]
    while last >= fits[0][1] and done < validity_checks.CONDEMNING_STEPS and time.perf_counter() < end:
        size = min(
            FURTHER_STEPS, step.most_steps, 2 * more[-1][0] if more else 1, validity_checks.CONDEMNING_STEPS - done
        )
        last = step.train(size)
        more.append((size, last))
        done += size
    return more
