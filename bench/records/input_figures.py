"""What the input of a loop costs, and whether it or the model is the limit."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import mean, median, stdev
from typing import Literal, NamedTuple

from pydantic import Field, model_validator

from anatomy.bench.records.checked_numbers import Count, Duration, Seconds
from anatomy.bench.records.frozen import Frozen
from anatomy.bench.statistics.interval import Interval, student_t

Limit = Literal["model", "input", "cores", "open"]
# What input may add to a step of the model before it counts.
NEGLIGIBLE = 0.05

IN_WORDS: dict[Limit, str] = {
    "model": "model-bound",
    "input": "input-bound",
    "cores": "model-bound, and the input takes time from it",
    "open": "too noisy to say",
}


class InputFigures(Frozen):
    """Epochs with the input, with the same examples ready in memory, and passes over the input alone, in turns.

    Attributes:
        fed_step_s: seconds per step of each epoch with the input.
        ready_step_s: seconds per step of the epoch after it, whose batches were ready in memory.
        alone_step_s: seconds per batch of the pass over the input without the model after that.
        prepare_s: each step of preparing an example → its seconds for one example, in one thread and without the model;
            empty where the steps are not known.
    """

    fed_step_s: list[Seconds] = Field(min_length=2)
    ready_step_s: list[Seconds] = Field(min_length=2)
    alone_step_s: list[Seconds] = Field(min_length=2)
    prepare_s: dict[str, Duration] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _in_turns(self) -> InputFigures:
        if len(self.fed_step_s) != len(self.ready_step_s):
            raise ValueError("expected as many epochs with the input as with batches that are ready")
        return self

    @property
    def fed_s(self) -> float:
        """Median seconds of a step with the input."""
        return median(self.fed_step_s)

    @property
    def ready_s(self) -> float:
        """Median seconds of a step whose batch is ready."""
        return median(self.ready_step_s)

    @property
    def alone_s(self) -> float:
        """Median seconds of a batch without the model."""
        return median(self.alone_step_s)

    @property
    def added_s(self) -> float:
        """Seconds that the input adds to a step: the mean over the turns."""
        return mean(self._added())

    @property
    def added_interval_s(self) -> Interval:
        """Student's 95 % interval of what the input adds to a step."""
        added = self._added()
        half = student_t(len(added) - 1) * stdev(added) / sqrt(len(added))
        return mean(added) - half, mean(added) + half

    @property
    def limit(self) -> Limit:
        """What sets the pace: the model if the input adds next to nothing, else the slower one of the two.

        An input that is the faster one and yet adds time takes it from the model: it is prepared in between, or by the
        cores that the model computes on.
        """
        low, high = self.added_interval_s
        if high <= NEGLIGIBLE * self.ready_s:
            return "model"
        if low <= 0:
            return "open"
        return "input" if self.alone_s > self.ready_s else "cores"

    @property
    def slowest(self) -> tuple[str, float] | None:
        """The step that takes longest to prepare an example, and its share; `None` where the steps are not known."""
        whole = sum(self.prepare_s.values())
        if not whole:
            return None
        name = max(self.prepare_s, key=self.prepare_s.__getitem__)
        return name, self.prepare_s[name] / whole

    def in_words(self) -> str:
        """The limit, and where it is the input its slowest step: `input-bound: decode takes 81 % of an example`."""
        said = IN_WORDS[self.limit]
        if self.limit in ("input", "cores") and self.slowest is not None:
            name, share = self.slowest
            said += f": {name} takes {100 * share:.0f} % of preparing an example"
        return said

    def _added(self) -> list[float]:
        return [fed - ready for fed, ready in zip(self.fed_step_s, self.ready_step_s, strict=True)]


class WorkersAndLimit(NamedTuple):
    """A number of workers, and what set the pace with them."""

    workers: Count
    limit: Limit


def enough_workers(tried: Sequence[WorkersAndLimit]) -> str:
    """With how many workers the input stops being the limit, in words; `tried` has each number once."""
    ordered = sorted(tried)
    free = [one.limit in ("model", "cores") for one in ordered]
    if any(one.limit == "open" for one in ordered):
        return "too noisy to say with how many workers the input stops being the limit"
    if all(free):
        least = ordered[0].workers
        return f"not input-bound, with {_workers(least)} or more" if least else "not input-bound, even without workers"
    if not any(free):
        return f"input-bound with every number of workers that was tried (up to {ordered[-1].workers})"
    if free != sorted(free):
        return "input-bound with some numbers of workers, and not the lower ones: see the table"
    return f"input-bound below {_workers(ordered[free.index(True)].workers)}"


def _workers(count: int) -> str:
    return f"{count} worker{'' if count == 1 else 's'}"
