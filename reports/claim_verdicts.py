"""Verdicts on the claims of the talk, computed from counts and arithmetic: one function per rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from anatomy.bench.records.application_stages import Accuracy
from anatomy.bench.records.record_parts import Counts
from anatomy.models import parse_model
from anatomy.models.claims import Claim
from anatomy.models.frameworks import SLIDE_ROWS
from anatomy.models.vgg import CONVOLUTIONS, FILTERS
from anatomy.reports import network_arithmetic
from anatomy.reports.model_labels import canonical_text

# "After 2 epochs", says the slide.
_CLAIMED_EPOCHS = 2
QUOTED = "quoted, cannot be settled by a build"
NOT_COUNTED = "not counted in this run"
TRUE = "true"
FALSE = "false"


class Verdict(NamedTuple):
    """The verdict on a claim.

    Attributes:
        verdict: the verdict in a few words.
        found: what was counted or computed, in words.
        counted: the number to set beside the claimed one; `None` where there is none.
    """

    verdict: str
    found: str
    counted: float | None = None


def judge_claim(claim: Claim, counts: Mapping[str, Counts], right: Sequence[Accuracy] = ()) -> Verdict:
    """Judge one claim.

    Args:
        claim: a row of `anatomy.models.claims.CLAIMS`.
        counts: counts of each model by its shortest text.
        right: how many texts the text application classified right, after each epoch.
    """
    if claim.rule == "text accuracy" and (validated := _at_the_claims_epoch(right)):
        return _text_accuracy(validated)
    missing = [text for text in claim.subjects if canonical_text(text) not in counts]
    if missing:
        return Verdict(NOT_COUNTED, f"needs {', '.join(missing)} in mode count")
    return _RULES[claim.rule](claim, [counts[canonical_text(text)] for text in claim.subjects])


def _figure(claim: Claim, counts: list[Counts]) -> Verdict:
    counted = _figure_of(claim, counts[0])
    assert claim.claimed is not None
    words = f"{counted:,} {_noun(claim)} of {claim.subjects[0]}"
    return Verdict(network_arithmetic.agreement(claim.claimed, counted), words, counted)


def _receptive_field(claim: Claim, _: list[Counts]) -> Verdict:
    side = network_arithmetic.receptive_field((3, 3))
    return Verdict(_truth(side == claim.claimed), f"1 + (3 − 1) + (3 − 1) = {side}", side)


def _described_vgg19(claim: Claim, counts: list[Counts]) -> Verdict:
    """Compare the network that the slide describes, by arithmetic, with the real one."""
    described = network_arithmetic.vgg(network_arithmetic.VGG19_AS_DESCRIBED)
    real = network_arithmetic.Size(counts[0].parameters, counts[0].weight_layers)
    found = (
        f"as described: {described.layers} layers, {described.parameters:,} parameters; "
        f"VGG-19 has {real.layers} layers, {real.parameters:,}"
    )
    if described == real:
        return Verdict(TRUE, found, real.parameters)
    if network_arithmetic.vgg(list(zip(FILTERS, CONVOLUTIONS[19], strict=True))) == real:
        found += ": it also has 4×Conv3-256 where VGG-16 has 3"
    return Verdict("false as said", found, real.parameters)


def _truncated_googlenet(claim: Claim, counts: list[Counts]) -> Verdict:
    verdict = _figure(claim, counts)
    total, head = network_arithmetic.truncated_googlenet()
    trap = (
        f"the slides' code, which stops after 4a, comes to {total:,} by coincidence, {head / total:.0%} of it "
        "in an auxiliary head: that confirms nothing"
    )
    return verdict._replace(found=f"{verdict.found}; {trap}")


def _attribution(claim: Claim, counts: list[Counts]) -> Verdict:
    """A WideResNet has 6n + 4 layers, a CIFAR ResNet 6n + 2: find which of them can have the claimed number."""
    assert claim.claimed is not None
    depth, layers = int(claim.claimed), counts[0].weight_layers
    wide, plain = (depth - 4) % 6 == 0, (depth - 2) % 6 == 0
    found = (
        f"{depth:,} is {'' if wide else 'not '}6n + 4, as WideResNets are, and {'' if plain else 'not '}6n + 2, "
        f"as ResNets for CIFAR are; {claim.subjects[0]} has {layers:,} layers with weights"
    )
    if plain and not wide and layers == depth:
        return Verdict("wrong attribution", f"{found}: it is ResNet-{depth}", layers)
    return Verdict(_truth(wide), found, layers)


def _depth_formula(claim: Claim, counts: list[Counts]) -> Verdict:
    depth, layers = 6 * 8 + 4, counts[0].weight_layers
    found = f"6·8 + 4 = {depth}; {claim.subjects[0]} has {layers} layers with weights, one of them the classifier"
    return Verdict(_truth(depth == claim.claimed == layers - 1), found, depth)


def _linear(claim: Claim, counts: list[Counts]) -> Verdict:
    """Linear means exactly the same extra work for each further word, at three lengths or more."""
    words = [parse_model(text).options["words"] for text in claim.subjects]
    macs = [count.macs for count in counts]
    lengths = ", ".join(map(str, words))
    slopes = {
        Fraction(more - less, longer - shorter)
        for (shorter, less), (longer, more) in pairwise(zip(words, macs, strict=True))
    }
    if len(slopes) != 1 or len(words) < 3:
        return Verdict(FALSE, f"MACs at {lengths} words: {', '.join(f'{count:,}' for count in macs)}")
    slope = slopes.pop()
    found = f"{float(slope):,.0f}·n + {float(macs[0] - slope * words[0]):,.0f} MACs at n = {lengths} words"
    return Verdict("true, exactly linear", found)


def _framework_table(claim: Claim, _: list[Counts]) -> Verdict:
    row = next(row for row in SLIDE_ROWS if row.framework == claim.about)
    if row.keras:
        return Verdict(TRUE, f"the slides' table marks {row.framework} as Keras compatible")
    return Verdict("the slides contradict themselves", f"their table has no Keras mark for {row.framework}")


def _quoted(claim: Claim, _: list[Counts]) -> Verdict:
    return Verdict(QUOTED, f"published by {claim.source}; nothing here measures it")


def _not_reproducible(claim: Claim, _: list[Counts]) -> Verdict:
    return Verdict("not reproducible with the code shown", f"quoted from {claim.source}; not measured here")


def _at_the_claims_epoch(right: Sequence[Accuracy]) -> list[Accuracy]:
    """Of each application, the texts kept for validation after the epoch that the slide names, or the last one."""
    last: dict[tuple[str, str], Accuracy] = {}
    for one in right:
        kept = last.get((one.application, one.backend))
        if one.stage.startswith("evaluate") and (kept is None or kept.stage != f"evaluate {_CLAIMED_EPOCHS}"):
            last[one.application, one.backend] = one
    return list(last.values())


def _text_accuracy(found: Sequence[Accuracy]) -> Verdict:
    words = "; ".join(
        f"{one.application}, {one.backend}: {_percent(one)} after {one.stage.removeprefix('evaluate ')} epochs"
        for one in found
    )
    real = [one for one in found if "data=synthetic" not in one.application]
    if not real:
        return Verdict("measured on made-up texts alone", words)
    judged = [one for one in real if one.stage == f"evaluate {_CLAIMED_EPOCHS}" and one.interval is not None]
    without = [one for one in judged if "no vectors" in one.application]
    with_vectors = [one for one in judged if one not in without]
    if not (without and with_vectors):
        return Verdict("needs several seeds with vectors and without", words)
    reached = all(
        any(one.interval and one.interval[1] >= claimed for one in group)
        for group, claimed in ((with_vectors, 0.95), (without, 0.90))
    )
    return Verdict(_truth(reached), words)


def _percent(one: Accuracy) -> str:
    if one.interval is None:
        return f"{100 * one.mean:.1f} % (one seed)"
    low, high = one.interval
    return f"{100 * one.mean:.1f} % (95 %: {100 * low:.1f} to {100 * high:.1f}, {one.processes} seeds)"


_RULES: dict[str, Callable[[Claim, list[Counts]], Verdict]] = {
    "figure": _figure,
    "receptive field": _receptive_field,
    "described VGG-19": _described_vgg19,
    "truncated GoogLeNet": _truncated_googlenet,
    "attribution": _attribution,
    "depth formula": _depth_formula,
    "linear in length": _linear,
    "framework table": _framework_table,
    "quoted": _quoted,
    "text accuracy": _not_reproducible,
}


def _figure_of(claim: Claim, counts: Counts) -> int:
    assert claim.figure is not None
    value: int = getattr(counts, claim.figure)
    return value


def _noun(claim: Claim) -> str:
    return {"weight_layers": "layers with weights", "depth": "layers deep (longest path)"}.get(
        claim.figure or "", (claim.figure or "").replace("_", " ")
    )


def _truth(holds: bool) -> str:
    return TRUE if holds else FALSE
