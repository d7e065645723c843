"""Whether settings keep the function: the outputs of the reference, or its first loss, within what rounding allows."""

from __future__ import annotations

import math

from anatomy.bench.records.parity import manifest
from anatomy.bench.records.record import Record
from anatomy.bench.records.rounding_tolerance import relative_deviation, rounding_tolerance

# What a first loss may differ by on the same backend, where random layers draw the same numbers.
RANDOM_LOSS = 0.10
# Between backends they draw others, for each example: the mean of a batch differs by this over the root of its size.
_RANDOM_EXAMPLE = 2.0
_LEARNS = "loss goes down"


def departure(record: Record, reference: Record) -> str:
    """How a record's function differs from the reference's; empty where it does not, or cannot be compared.

    Args:
        record: a measured case.
        reference: the same model, mode and batch size, with the default settings.
    """
    if record.case.batch_size != reference.case.batch_size or record.key == reference.key:
        return ""
    precisions = [manifest(one.settings, one.counts).product_dtype for one in (record, reference)]
    allowed = rounding_tolerance(reference.counts or record.counts, *precisions)
    if record.case.mode in ("infer", "predict"):
        return _of_outputs(record, reference, allowed)
    return _of_losses(record, reference, allowed)


def _of_outputs(record: Record, reference: Record, allowed: float | None) -> str:
    ours, theirs = _sample(record, reference)
    if not ours or not theirs or allowed is None:
        return ""
    if len(ours) != len(theirs):
        return f"its outputs have {len(ours)} sampled values, and the default's {len(theirs)}"
    found = relative_deviation(ours, theirs)
    if found <= allowed:
        return ""
    return f"its outputs differ by {found:.2g} of the largest from the default's, and rounding allows {allowed:.2g}"


def _sample(record: Record, reference: Record) -> tuple[list[float], list[float]]:
    """The outputs with the last weights scaled alike, where both have them: their own are saturated."""
    ours, theirs = record.scaled_outputs, reference.scaled_outputs
    if ours is not None and theirs is not None and ours.scale == theirs.scale:
        return ours.sample, theirs.sample
    return record.output_sample or [], reference.output_sample or []


def _of_losses(record: Record, reference: Record, allowed: float | None) -> str:
    learns, should = record.checks.get(_LEARNS, ""), reference.checks.get(_LEARNS, "")
    if should.startswith("passed") and not learns.startswith("passed"):
        return f"its loss does not go down as the default's does ({learns or 'not checked'})"
    ours, theirs = record.loss_first, reference.loss_first
    if ours is None or theirs is None:
        return ""
    drawn_anew = record.case.backend != reference.case.backend
    by_chance = max(RANDOM_LOSS, _RANDOM_EXAMPLE / math.sqrt(record.case.batch_size) if drawn_anew else 0.0)
    found, limit = abs(ours - theirs) / max(abs(theirs), 1e-12), max(allowed or 0.0, by_chance)
    if found <= limit:
        return ""
    return f"its first loss is {ours:.4g}, and the default's {theirs:.4g}: {found:.2g} apart, {limit:.2g} is allowed"
