"""How far each backend's outputs deviate from the others', and how far rounding lets them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from statistics import median

from anatomy.bench.records.record import Record
from anatomy.bench.records.rounding_tolerance import ROUNDOFF, relative_deviation, rounding_tolerance, saturated
from anatomy.reports.run_labels import LabelledRun
from anatomy.reports.settings_differences import comparable_records, differing_settings, key_without_backend

# From this many backends on, their median is the reference: a wrong one cannot move it far.
FEWEST_FOR_MEDIAN = 3
SAME = "agrees, saturated"
# In Keras 3.15, neither `predict` nor a step made of `predict_step` gets the states back from `stateless_call`.
JAX_DROPS_STATE = "Keras on JAX does not carry the state from batch to batch: it is not among the model's variables"


@dataclass(frozen=True)
class Deviation:
    """How a record's outputs compare with the reference.

    Attributes:
        precision: dtype of the operands of products.
        deviation: largest difference over the largest reference value; `None` for the reference itself.
        tolerance: deviation that rounding allows; `None` where the model was not counted.
        verdict: `agrees`, `agrees, saturated`, `deviates`, or `None`.
        against: the backends that make the reference.
        reason: why there is no comparison.
        cause: why the outputs deviate, where that is known.
    """

    precision: str
    deviation: float | None = None
    tolerance: float | None = None
    verdict: str | None = None
    against: str = ""
    reason: str = ""
    cause: str = ""


def deviations(records: Sequence[Record]) -> dict[str, Deviation]:
    """Return the deviation of each record of a run, by key, for cases with outputs from two backends or more."""
    sampled = [record for record in records if record.outcome == "ok" and record.output_sample]
    cases: dict[Hashable, list[Record]] = {}
    for record in sampled:
        cases.setdefault(key_without_backend(record), []).append(record)
    found: dict[str, Deviation] = {}
    for group in cases.values():
        if len(group) > 1:
            found |= _compare(group, _own_sample)
        if len(scaled := _equally_scaled(group)) > 1:
            found |= _compare(scaled, _scaled_sample)
    return found


def run_deviations(item: LabelledRun) -> dict[str, Deviation]:
    """The `deviations` of a run."""
    return deviations(item.run.records)


def _own_sample(record: Record) -> list[float]:
    return record.output_sample or []


def _scaled_sample(record: Record) -> list[float]:
    return record.scaled_outputs.sample if record.scaled_outputs is not None else []


def _equally_scaled(group: list[Record]) -> list[Record]:
    """Those of a case whose outputs saturate and were taken again with the same smaller weights."""
    scales = Counter(record.scaled_outputs.scale for record in group if record.scaled_outputs is not None)
    if not scales:
        return []
    ((scale, _),) = scales.most_common(1)
    return [r for r in group if r.scaled_outputs is not None and r.scaled_outputs.scale == scale]


def _compare(group: list[Record], sample: Callable[[Record], list[float]]) -> dict[str, Deviation]:
    precisions = {record.key: record.manifest.product_dtype for record in group}
    if len(comparable_records(group, backend="tensorflow")) > 1:
        reason = f"the models are not the same: {differing_settings(group)['parameters']}"
        return {key: Deviation(precision, reason=reason) for key, precision in precisions.items()}
    finest = min(precisions.values(), key=ROUNDOFF.__getitem__)
    precise = [record for record in group if precisions[record.key] == finest]
    # A backend that is known to compute something else has no vote, unless it is alone.
    precise = [record for record in precise if not _known_cause(record)] or precise
    size = median(len(sample(record)) for record in precise)
    voters = [record for record in precise if len(sample(record)) == size] or precise[:1]
    if len(voters) < FEWEST_FOR_MEDIAN:
        voters = voters[:1]
    reference = [median(values) for values in zip(*(sample(record) for record in voters), strict=True)]
    against = f"median of {', '.join(r.case.backend for r in voters)}" if len(voters) > 1 else voters[0].case.backend
    return {
        record.key: Deviation(finest, against=against)
        if voters == [record]
        else _judge(record, sample(record), reference, precisions[record.key], finest, against)
        for record in group
    }


def _judge(
    record: Record, ours: list[float], reference: list[float], precision: str, finest: str, against: str
) -> Deviation:
    allowed = rounding_tolerance(record.counts, precision, finest)
    if len(ours) != len(reference):
        reason = f"{len(ours)} values of the outputs, the reference has {len(reference)}"
        return Deviation(precision, None, allowed, "deviates", against, reason, _known_cause(record))
    found = relative_deviation(ours, reference)
    if allowed is None:
        return Deviation(precision, found, against=against)
    agrees = SAME if saturated(reference, min(allowed, 1e-6)) else "agrees"
    if found <= allowed:
        return Deviation(precision, found, allowed, agrees, against)
    return Deviation(precision, found, allowed, "deviates", against, cause=_known_cause(record))


def _known_cause(record: Record) -> str:
    """Why a record's outputs would differ from the others'; empty where nothing is known."""
    drops = record.stateful and record.case.backend == "jax"
    return JAX_DROPS_STATE if drops else ""
