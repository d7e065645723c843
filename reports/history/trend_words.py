"""A trend in words and as JSON data."""

from __future__ import annotations

from typing import Any

from anatomy.bench.history.trends import Figure, Trend
from anatomy.bench.statistics.change_points import SHORTEST_LEVEL
from anatomy.reports.gate.gate_rows import quantity

UNITS: dict[Figure, str] = {
    "step_s": "s",
    "compile_s": "s",
    "peak_host_bytes": "bytes",
    "peak_device_bytes": "bytes",
    "throughput_examples_per_s": "",
}
LABELS: dict[Figure, str] = {
    "step_s": "median step",
    "compile_s": "compile time",
    "peak_host_bytes": "peak host memory",
    "peak_device_bytes": "peak device memory",
    "throughput_examples_per_s": "throughput, examples/s",
}


def trend_sentences(trend: Trend) -> list[str]:
    """Say the level of the figure now, and each change with the commits that it lies between, latest first."""
    unit = UNITS[trend.figure]
    lines = [f"{LABELS[trend.figure]} now {quantity(trend.last_level, unit)}"]
    for change in reversed(trend.changes):
        lines.append(
            f"{change.growth:+.1%} since {change.first.started_at}: {quantity(change.before, unit)} →"
            f" {quantity(change.after, unit)}, in {change.commits}"
        )
    if not trend.changes:
        few = len(trend.points) < 2 * SHORTEST_LEVEL
        lines.append(f"{len(trend.points)} runs: too few to see a change" if few else "no change of level")
    return lines


def trend_to_dict(trend: Trend) -> dict[str, Any]:
    """Return the JSON object of a trend: its points in order, and its changes by position."""
    return {
        "case": trend.points[-1].case_key,
        "name": trend.name,
        "fingerprint": trend.points[-1].fingerprint,
        "figure": trend.figure,
        "points": [
            {"run": point.run_id, "started_at": point.started_at, "commit": point.commit, "value": value}
            for point, value in zip(trend.points, trend.values, strict=True)
        ],
        "changes": [
            {
                "position": change.position,
                "commits": change.commits,
                "before": change.before,
                "after": change.after,
                "growth": change.growth,
            }
            for change in trend.changes
        ],
    }
