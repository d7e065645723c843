"""Keras's own loops as code: whole epochs of `fit` or `predict` from numpy, timed from outside."""

from __future__ import annotations

from anatomy.bench.case import Case
from anatomy.bench.loop import ENOUGH, EPOCHS, FEWEST_STEPS, GROWTH, LARGEST_DATA_BYTES, MOST_STEPS
from anatomy.bench.settings import MeasureSettings


def loop_lines(case: Case, settings: MeasureSettings) -> list[str]:
    """Code that times `model.fit` or `model.predict` on copies of `x` (and `y`) and prints the throughput."""
    fits = case.mode == "fit"
    data = "(x, y)" if fits else "(x,)"
    call = (
        f"model.fit(*data, batch_size={case.batch_size}, epochs=1, verbose=0, shuffle=False)"
        if fits
        else f"model.predict(*data, batch_size={case.batch_size}, verbose=0)"
    )
    return [
        f"most = min({MOST_STEPS}, {LARGEST_DATA_BYTES} // sum(a.nbytes for a in keras.tree.flatten({data}))) or 1",
        "",
        "",
        "def timed(steps):",
        '    """Seconds a step: one epoch of so many copies of the batch, its values back on the host."""',
        f"    data = keras.tree.map_structure(lambda array: np.concatenate([array] * steps), {data})",
        "    start = time.perf_counter()",
        f"    {call}",
        "    return (time.perf_counter() - start) / steps",
        "",
        "",
        "timed(1)  # compiles",
        *_size(settings),
        f"blocks = [timed(size) for _ in range({EPOCHS})]",
        f'print(f"throughput {{{case.batch_size} / statistics.median(blocks):.6g}} examples/s")',
    ]


def _size(settings: MeasureSettings) -> list[str]:
    """Steps an epoch: as many as were asked for, or grown until the epochs fill the measured window."""
    if settings.steps is not None:
        return [f"size = min({settings.steps}, most)", "timed(size)"]
    return [
        f"size = min({FEWEST_STEPS}, most)",
        f"while (more := min(most, int(min({GROWTH} * size, {settings.seconds / EPOCHS:g} / timed(size)))))"
        f" > {ENOUGH} * size:",
        "    size = more",
    ]
