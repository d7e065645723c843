"""The timing part of a script as code: the same clocks, rounds and medians as Anatomy's."""

from __future__ import annotations

from anatomy.bench.measurement.timing import MOST_ROUNDS, ROUNDS, SMALLEST_BLOCK, plan_rounds
from anatomy.bench.records.settings import MeasureSettings

# Warm-up is judged by the clock here, and in Anatomy by when the steps have settled.
_LEAST_WARMUP_S = 1.0


def clock_lines(batch_size: int, settings: MeasureSettings, output_bytes: int = 0) -> list[str]:
    """Code that calls `timed` and prints both figures.

    Args:
        output_bytes: of one step; a block holds as few of them as Anatomy's does.
    """
    warmup_s = max(_LEAST_WARMUP_S, settings.warmup_s)
    return [
        f"warm, end = [timed(1)], time.perf_counter() + {warmup_s:g}  # the first compiles",
        "while time.perf_counter() < end:",
        "    warm.append(timed(1))",
        *_sizes(settings, output_bytes),
        "blocks, steps = [], []",
        "for _ in range(rounds):",
        "    blocks.append(timed(2 * size))",
        "    steps += [timed(1) for _ in range(3 * size)]",
        f'print(f"throughput {{{batch_size} / statistics.median(blocks):.6g}} examples/s")',
        'print(f"median step {1e3 * statistics.median(steps):.6g} ms")',
    ]


def _sizes(settings: MeasureSettings, output_bytes: int) -> list[str]:
    """N, the size of Anatomy's rounds: a script's round is a block of 2N steps and 3N single ones."""
    if settings.steps is not None:
        rounds = max(1, min(ROUNDS, settings.steps // (3 * SMALLEST_BLOCK)))
        return [f"rounds, size = {rounds}, {max(SMALLEST_BLOCK, -(-settings.steps // (3 * rounds)))}"]
    # Of a step that takes no time the outputs held alone limit the block.
    largest = plan_rounds(0.0, 1.0, None, output_bytes).block
    affordable = f"{settings.seconds:g} / min(warm[-3:])"
    return [
        f"rounds = int(max(1, min({ROUNDS}, {affordable} // {6 * SMALLEST_BLOCK})))",
        f"size = int(max({SMALLEST_BLOCK}, min({largest}, {affordable} // (6 * rounds))))",
        f"rounds = int(max(rounds, min({MOST_ROUNDS}, {affordable} // (6 * size))))",
    ]
