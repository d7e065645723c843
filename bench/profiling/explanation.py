"""Explain the difference between two profiles by layers and kinds of work that add up to the measured difference.

Times of layers come from a few traced steps; the time of the step comes from many steps without a trace. Each profile
is therefore scaled to its measured step: a layer with a tenth of the traced step gets a tenth of the measured one. The
changes of all parts then add up to the measured difference exactly. Layers that one side fuses are one part on both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from pydantic import Field

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.profiling.aligned_layers import align_layers
from anatomy.bench.profiling.work_kinds import is_remapped
from anatomy.bench.records.case_profile import LayerTime, Profile
from anatomy.bench.records.frozen import Frozen

# Parts of a step that belong to no layer.
UNATTRIBUTED = "(unattributed)"
GAPS = {"input_wait": "(waiting for input)", "host_dispatch": "(launching on the host)", "idle": "(idle)"}
# Smaller changes in calls per step come from operations that not every step has.
_WHOLE_CALL = 0.5
_MOST_NOTES = 3
# Changes below this share of the larger step are summed up in one line.
SMALL = 0.005
MOST = 12


class Change(Frozen):
    """The contribution of one part of the step to the difference.

    Attributes:
        name: a layer, a part in brackets, or a kind of work.
        type: the layer's class; empty if the part is no layer.
        before, after: seconds of the measured step.
        share: share of the whole difference; `None` if there is no difference.
        notes: what else changed: more or fewer operations, fused or no longer fused.
    """

    name: str
    type: str = ""
    before: float
    after: float
    share: float | None
    notes: list[str] = Field(default_factory=list)

    @property
    def delta(self) -> float:
        """Seconds by which the part became longer."""
        return self.after - self.before


class Explanation(Frozen):
    """The difference between two profiles, by layer and by kind of work.

    Attributes:
        before, after: names of the profiles.
        before_step, after_step: seconds of the measured steps.
        layers: changes by layer, largest first; they add up to `after_step - before_step`.
        kinds: the same difference by kind of work.
    """

    before: str
    after: str
    before_step: float
    after_step: float
    layers: list[Change]
    kinds: list[Change]

    @property
    def difference(self) -> float:
        """Seconds by which the step became longer."""
        return self.after_step - self.before_step


def explain(
    before: Profile, after: Profile, steps: tuple[float, float] | None = None, names: tuple[str, str] | None = None
) -> Explanation:
    """Divide the difference between two steps among their parts.

    Args:
        steps: seconds of the two steps, if they were measured better than beside the trace.
        names: names of the two, if their own are the same.

    Raises:
        UsageError: a profile has no figures.
    """
    for profile in (before, after):
        if profile.outcome != "ok" or profile.gaps is None or not profile.step:
            raise UsageError(f"{profile.name} has no profile: {profile.outcome}: {profile.reason}")
    ours, theirs = align_layers(before.layers, after.layers)
    before, after = before.model_copy(update={"layers": ours}), after.model_copy(update={"layers": theirs})
    first, second = steps or (before.step or 0.0, after.step or 0.0)
    difference = second - first
    types = {layer.name: layer.type for profile in (before, after) for layer in profile.layers}
    parts = _parts(before, first), _parts(after, second)
    notes = _notes(before, after, *parts) if before.case.backend == after.case.backend else {}
    first_name, second_name = names or (before.name, after.name)
    return Explanation(
        before=first_name,
        after=second_name,
        before_step=first,
        after_step=second,
        layers=_changes(*parts, difference, types, notes),
        kinds=_changes(_kinds(before, first), _kinds(after, second), difference, {}, {}),
    )


def headline(explanation: Explanation) -> str:
    """The difference in one line: `A → B: 12.1 ms → 15.3 ms a step, +3.2 ms (+26 %)`."""
    before, after = explanation.before_step, explanation.after_step
    return (
        f"{explanation.before} → {explanation.after}: {before * 1e3:.3f} ms → {after * 1e3:.3f} ms a step,"
        f" {explanation.difference * 1e3:+.3f} ms ({explanation.difference / before:+.1%})"
    )


def sentence(change: Change) -> str:
    """A change in one line: `block3_conv2: 38 % of the change; 12 more transpose`."""
    share = "" if change.share is None else f"{change.share:.0%} of the change"
    return f"{change.name}: {'; '.join(part for part in (share, *change.notes) if part)}"


def large(changes: Sequence[Change], explanation: Explanation) -> list[Change]:
    """The changes that get a line of their own, largest first."""
    least = SMALL * max(explanation.before_step, explanation.after_step)
    return [change for change in changes if abs(change.delta) >= least][:MOST]


def _changes(
    before: Mapping[str, float],
    after: Mapping[str, float],
    difference: float,
    types: Mapping[str, str],
    notes: Mapping[str, list[str]],
) -> list[Change]:
    found = [
        Change(
            name=name,
            type=types.get(name, ""),
            before=before.get(name, 0.0),
            after=after.get(name, 0.0),
            share=(after.get(name, 0.0) - before.get(name, 0.0)) / difference if difference else None,
            notes=notes.get(name, []),
        )
        for name in {**before, **after}
    ]
    return sorted(found, key=lambda change: -abs(change.delta))


def _parts(profile: Profile, step: float) -> dict[str, float]:
    """Part of the step → seconds of the measured step."""
    assert profile.gaps is not None
    parts = {layer.name: layer.time for layer in profile.layers}
    parts[UNATTRIBUTED] = sum(operation.time for operation in profile.unattributed)
    parts |= {title: getattr(profile.gaps, name) for name, title in GAPS.items()}
    return _scaled(parts, step)


def _kinds(profile: Profile, step: float) -> dict[str, float]:
    assert profile.gaps is not None
    parts: dict[str, float] = {kind.kind: kind.time for kind in profile.kinds}
    parts["idle"] = profile.gaps.idle
    return _scaled(parts, step)


def _scaled(parts: Mapping[str, float], step: float) -> dict[str, float]:
    whole = sum(parts.values())
    return {name: time / whole * step for name, time in parts.items() if time}


def _notes(
    before: Profile, after: Profile, before_s: Mapping[str, float], after_s: Mapping[str, float]
) -> dict[str, list[str]]:
    """Layer → what it runs more or fewer of. Both profiles must be of one backend, whose names of operations agree.

    Args:
        before_s, after_s: part of the step → seconds of the measured steps.
    """
    first, second = ({layer.name: layer for layer in profile.layers} for profile in (before, after))
    return {
        name: _notes_of(first.get(name), second.get(name), before_s.get(name, 0.0), after_s.get(name, 0.0))
        for name in {**first, **second}
    }


def _notes_of(before: LayerTime | None, after: LayerTime | None, before_s: float, after_s: float) -> list[str]:
    if before is None or after is None:
        return ["new" if before is None else "gone"]
    first, second = _calls(before), _calls(after)
    changed = {name: second[name] - first[name] for name in {*first, *second}}
    whole = sorted((n for n in changed if abs(changed[n]) >= _WHOLE_CALL), key=lambda n: (-abs(changed[n]), n))
    notes = [f"{abs(changed[n]):.0f} {'more' if changed[n] > 0 else 'fewer'} {n}" for n in whole[:_MOST_NOTES]]
    merged = _is_merged(before), _is_merged(after)
    if merged == (True, False):
        notes.append("no longer fused")
    elif merged == (False, True):
        notes.append("now fused")
    if not whole and before_s and after_s:
        notes.append(f"the same operations, {after_s / before_s:.2f}× as long")
    return notes


def _calls(layer: LayerTime) -> Counter[str]:
    found: Counter[str] = Counter()
    for operation in layer.operations:
        found[operation.name] += operation.calls  # type: ignore[assignment]  # calls are per step: fractions
    return found


def _is_merged(layer: LayerTime) -> bool:
    """Whether an operation of the layer was merged from several, by their number or, if unknown, by its name."""
    return any((one.fused or 1) > 1 or (one.fused is None and is_remapped(one.name)) for one in layer.operations)
