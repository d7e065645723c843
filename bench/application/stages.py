"""The stages of an application: how long each takes, how much it does, and how far it raises the memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anatomy.bench.machine.peak_memory import peak_bytes, reset_peak, resident_bytes

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Stage:
    """One stage.

    Attributes:
        seconds: wall-clock time.
        examples: texts, words or vectors that it went through; 0 where it has none.
        size_bytes: bytes that it read; 0 where it reads none.
        peak_bytes: peak of the process's resident memory above that at its beginning.
        base_bytes: that at its beginning.
        loss: mean loss of an epoch, or over the texts kept for validation; `None` for other stages.
        accuracy: the same for the share of right classes.
        deviation: of a loaded or exported model's outputs from Keras's own, the largest, over their largest value.
        beside_s: what Keras's own `predict_on_batch` took for the same examples, in turns.
    """

    name: str
    examples: int = 0
    size_bytes: int = 0
    seconds: float = 0.0
    peak_bytes: int = 0
    base_bytes: int = 0
    loss: float | None = None
    accuracy: float | None = None
    deviation: float | None = None
    beside_s: float | None = None


@dataclass
class StageClock:
    """Times stages one after the other.

    Attributes:
        stages: those that have ended.
        began: told the name of each stage before it is timed.
        ended: told of each stage when it has its figures.
        failed: told the name and the error of a stage that failed and did not end the application.
    """

    stages: list[Stage] = field(default_factory=list)
    began: Callable[[str], None] = lambda name: None
    ended: Callable[[Stage], None] = lambda stage: None
    failed: Callable[[str, Exception], None] = lambda name, error: None

    @contextmanager
    def stage(self, name: str, examples: int = 0) -> Iterator[Stage]:
        """Time what is done within, unless it times a part of it itself; a stage that fails is not kept."""
        self.began(name)
        reset_peak()
        stage, start = Stage(name, examples, base_bytes=resident_bytes()), time.perf_counter()
        yield stage
        stage.seconds = stage.seconds or time.perf_counter() - start
        stage.peak_bytes = max(0, peak_bytes() - stage.base_bytes)
        self.stages.append(stage)
        self.ended(stage)


def stage_frame(stages: Sequence[Stage]) -> pd.DataFrame:
    """A row a stage: seconds, their share, examples/s, MB/s and the peak in MB; missing where a stage has none."""
    import pandas as pd

    whole = sum(stage.seconds for stage in stages)
    rows = [
        {
            "stage": stage.name,
            "seconds": stage.seconds,
            "share": stage.seconds / whole if whole else None,
            "examples_per_s": stage.examples / stage.seconds if stage.examples and stage.seconds else None,
            "mb_per_s": stage.size_bytes / 1e6 / stage.seconds if stage.size_bytes and stage.seconds else None,
            "peak_mb": stage.peak_bytes / 1e6,
        }
        for stage in stages
    ]
    return pd.DataFrame(rows).set_index("stage").astype(float)
