"""Profiles of runs as Markdown: `python -m tests.benchmarks.profiles RUN…`, for docs/profiles-of-the-zoo.md.

The run: `anatomy profile vgg:depth=16 googlenet wide_resnet:depth=52,width=4 unet lstm --mode train --batch-size 4`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from anatomy.bench.records.case_profile import LayerTime, Profile, read_profiles

LARGEST = 5


def main() -> None:
    """Print a table of all profiles, then the largest layers of each."""
    found = [profile for folder in sys.argv[1:] for profile in read_profiles(Path(folder))]
    print("\n".join([*overview(found), "", *(line for profile in found if profile.gaps for line in layers(profile))]))


def overview(profiles: list[Profile]) -> list[str]:
    """One row a profile: what was not attributed, and the sum of the gaps against the step."""
    lines = [
        "| case | step ms | traced ms | sum of gaps / step | compute | host | idle | unattributed |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for profile in profiles:
        gaps = profile.gaps
        if gaps is None or profile.step is None:
            lines.append(f"| {profile.name} | {profile.outcome}: {profile.reason} | | | | | | |")
            continue
        shares = " | ".join(f"{part / gaps.step:.1%}" for part in (gaps.device_compute, gaps.host_dispatch, gaps.idle))
        lines.append(
            f"| {profile.name} | {profile.step * 1e3:.1f} | {gaps.step * 1e3:.1f} | {gaps.sum / gaps.step:.4f} |"
            f" {shares} | {profile.unattributed_share:.2%} |"
        )
    return lines


def layers(profile: Profile) -> list[str]:
    """The largest layers of one profile."""
    lines = [f"### {profile.name}", "", "| layer | type | ms | time | FLOPs | GFLOP/s | bound by | mostly |"]
    lines.append("|---|---|---:|---:|---:|---:|---|---|")
    lines += [_row(layer) for layer in profile.layers[:LARGEST]]
    rest = profile.layers[LARGEST:]
    lines.append(
        f"| {len(rest)} more | | {sum(r.time for r in rest) * 1e3:.1f} | {sum(r.share for r in rest):.1%} | | | | |"
    )
    return [*lines, ""]


def _row(layer: LayerTime) -> str:
    flops = "" if layer.flops_share is None else f"{layer.flops_share:.1%}"
    rate = "" if not layer.flops_per_s else f"{layer.flops_per_s / 1e9:.0f}"
    mostly = ", ".join(operation.name for operation in layer.operations[:2])
    return (
        f"| {layer.name} | {layer.type} | {layer.time * 1e3:.1f} | {layer.share:.1%} | {flops} | {rate} |"
        f" {layer.bound or ''} | {mostly} |"
    )


if __name__ == "__main__":
    main()
