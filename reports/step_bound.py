"""What bounds a case's step: by its profile where there is one, else by what its work takes at the ceilings.

At the ceilings the roofline decides (Williams, Waterman and Patterson 2009), with the launch of one operation as a
third bound, below which no step can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anatomy.bench.records.case_profile import Profile
from anatomy.reports.flops_utilisation import Utilisation

# What takes less than this share of a step does not explain it.
EXPLAINED = 0.25
NEITHER = "neither"
# Below this a share of a step is none.
_LEAST_NAMED = 0.01
_WORK = {
    "compute": "the products alone would take",
    "memory": "the memory traffic alone",
    "launch": "launching one operation",
}


@dataclass(frozen=True)
class StepBound:
    """What bounds a step.

    Attributes:
        name: `compute`, `memory`, `launch`, a part of the profiled step such as `input wait`, or `neither`.
        said: the shares it follows from, as a sentence.
        profiled: whether it follows from a profile.
    """

    name: str
    said: str
    profiled: bool = False

    @property
    def sentence(self) -> str:
        """`Bound by compute: at this backend's best speeds the products alone would take 49 % of a step, …`"""
        by = "neither compute, memory nor launching" if self.name == NEITHER else self.name
        return f"Bound by {by}: {self.said}."


def step_bound(use: Utilisation | None, profile: Profile | None = None) -> StepBound | None:
    """What bounds the step of a case; `None` where neither a profile nor the ceilings tell."""
    found = _of_profile(profile) if profile is not None else None
    return found or (_of_ceilings(use) if use is not None else None)


def least_shares(use: Utilisation) -> dict[str, float]:
    """Shares of the measured step that each bound would take alone at its ceiling; those that are known."""
    seconds = {
        "compute": use.flops / use.ceiling_flops_per_s if use.ceiling_flops_per_s else None,
        "memory": use.moved_bytes / use.bandwidth_bytes_per_s
        if use.moved_bytes is not None and use.bandwidth_bytes_per_s
        else None,
        "launch": use.dispatch_s,
    }
    return {name: took / use.step_s for name, took in seconds.items() if took is not None}


def _of_ceilings(use: Utilisation) -> StepBound | None:
    shares = least_shares(use)
    # Without both sides of the roofline the longer one is not known.
    if not {"compute", "memory"} <= shares.keys():
        return None
    took = [f"{_WORK[name]} {_percent(share)}" for name, share in shares.items()]
    said = f"at this backend's best speeds {took[0]} of a step, {', '.join(took[1:])}"
    if shares["memory"] > 1:
        # More than the memory could move: the caches served it, and the bandwidth of memory is no bound.
        del shares["memory"]
        said += " (more than all: it works in the caches)"
    said += f"; {_unexplained(list(shares.values()))}"
    largest = max(shares, key=lambda name: shares[name])
    return StepBound(largest if shares[largest] >= EXPLAINED else NEITHER, said)


def _unexplained(shares: Sequence[float]) -> str:
    """What of a step none of these takes: the least if they follow one another, the most if they run at once."""
    least, most = max(0.0, 1 - sum(shares)), max(0.0, 1 - max(shares))
    if most < _LEAST_NAMED:
        return "that is the whole step"
    first, last = _percent(least), _percent(most)
    ends = f"up to {last}" if least < _LEAST_NAMED else last if first == last else f"{first} to {last}"
    return f"{ends} of the step is not explained by these"


def _of_profile(profile: Profile) -> StepBound | None:
    gaps = profile.gaps
    if gaps is None or not gaps.step:
        return None
    shares = {name.replace("_", " "): took / gaps.step for name, took in gaps.parts.items()}
    largest = max(shares, key=lambda name: shares[name])
    listed = ", ".join(f"{name} {_percent(share)}" for name, share in shares.items() if share >= 0.005)
    said = f"profiled, {listed} of a step"
    if largest != "device compute":
        return StepBound(largest, said, profiled=True)
    by_bound: dict[str, float] = {}
    for layer in profile.layers:
        if layer.bound is not None:
            by_bound[layer.bound] = by_bound.get(layer.bound, 0.0) + layer.share
    if not by_bound:
        return StepBound(largest, said, profiled=True)
    name, share = max(by_bound.items(), key=lambda item: item[1])
    return StepBound(name, f"{said}; layers bound by {name} take {_percent(share)} of the device time", profiled=True)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else "under 1 %"
