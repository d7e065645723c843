"""Keras's own loops as code: whole epochs of `fit` or `predict`, timed from outside."""

from __future__ import annotations

from anatomy.bench.measurement.keras_loop import (
    ENOUGH,
    EPOCHS,
    FEWEST_STEPS,
    GROWTH,
    LARGEST_DATA_BYTES,
    MOST_STEPS,
    whole_executions,
)
from anatomy.bench.records.case import Case
from anatomy.bench.records.settings import MeasureSettings


def loop_lines(case: Case, settings: MeasureSettings, together: int) -> list[str]:
    """Code that times `model.fit` or `model.predict` on copies of `x` (and `y`) and prints the throughput.

    Args:
        together: steps per execution that the model is compiled with; epochs are whole executions.
    """
    fits = case.mode == "fit"
    data = "(x, y)" if fits else "(x,)"
    make, given = _fed(case, data)
    call = f"model.fit({given}, epochs=1, verbose=0, shuffle=False)" if fits else f"model.predict({given}, verbose=0)"
    return [
        f"most = min({MOST_STEPS}, {LARGEST_DATA_BYTES} // sum(a.nbytes for a in keras.tree.flatten({data}))) or 1",
        *([f"most -= most % {together}  # whole executions"] if together > 1 else []),
        "",
        "",
        "def timed(steps):",
        '    """Seconds a step: one epoch of so many copies of the batch, its values back on the host."""',
        *make,
        "    start = time.perf_counter()",
        f"    {call}",
        "    return (time.perf_counter() - start) / steps",
        "",
        "",
        "timed(1)  # compiles",
        *([f"timed({together})  # compiles whole executions"] if together > 1 else []),
        *_size(settings, together),
        f"blocks = [timed(size) for _ in range({EPOCHS})]",
        f'print(f"throughput {{{case.batch_size} / statistics.median(blocks):.6g}} examples/s")',
    ]


def _fed(case: Case, data: str) -> tuple[list[str], str]:
    """Lines that make the data of an epoch, and how the call is given them."""
    if case.feed == "numpy":
        line = f"    data = keras.tree.map_structure(lambda array: np.concatenate([array] * steps), {data})"
        return [line], f"*data, batch_size={case.batch_size}"
    hide = "" if case.backend == "tensorflow" else '    tf.config.set_visible_devices([], "GPU")'
    return [
        *([hide] if hide else []),
        "    # A list would be stacked into one tensor; a tuple stays several.",
        f"    parts = tuple(tuple(part) if isinstance(part, list) else part for part in {data})",
        f"    data = tf.data.Dataset.from_tensor_slices(parts).repeat(steps).batch({case.batch_size},"
        " drop_remainder=True)",
        "    data = data.prefetch(tf.data.AUTOTUNE)",
    ], "data"


def _size(settings: MeasureSettings, together: int) -> list[str]:
    """Steps an epoch: as many as were asked for, or grown until the epochs fill the measured window."""
    if settings.steps is not None:
        return [f"size = min({whole_executions(settings.steps, together)}, most)", "timed(size)"]
    wanted = f"int(min({GROWTH} * size, {settings.seconds / EPOCHS:g} / timed(size)))"
    wanted = wanted if together == 1 else f"-(-{wanted} // {together}) * {together}"
    return [
        f"size = min({whole_executions(FEWEST_STEPS, together)}, most)",
        f"while (more := min(most, {wanted})) > {ENOUGH} * size:",
        "    size = more",
    ]
