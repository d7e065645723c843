"""Where the time goes that Keras takes over a framework's own layers, in words."""

from __future__ import annotations

from collections.abc import Sequence

from anatomy.bench.profiling.explanation import Explanation, explain
from anatomy.bench.records.case_profile import Profile
from anatomy.bench.records.keras_cost import KerasCost

# Kind of work → what it is where Keras has more of it.
_WORDS = {
    "host": "host time: Python and dispatch",
    "idle": "waiting",
    "data movement": "copies and changes of layout",
    "element-wise": "element-wise work",
    "convolution": "other convolutions",
    "matrix product": "other matrix products",
    "recurrent": "recurrent layers",
    "normalisation": "normalisation",
    "reduction": "reductions",
    "optimizer": "the optimizer",
    "communication": "communication",
}
# Parts of a difference below this share are not named.
LEAST_SHARE = 0.05
MOST_NAMED = 4
# Where parts are larger than this share of the whole and cancel each other, they are mostly noise.
MOST_SHARE = 1.5


def explain_cost(cost: KerasCost, profiles: Sequence[Profile]) -> Explanation | None:
    """The difference between both sides by layer and by kind of work; `None` without two profiles that have figures."""
    by_key = {profile.case.key: profile for profile in profiles if profile.outcome == "ok" and profile.gaps is not None}
    keras, native = by_key.get(cost.keras.key), by_key.get(cost.native.key)
    if cost.outcome != "ok" or keras is None or native is None or cost.ratio is None:
        return None
    native_s = _middle(cost.native_step_s)
    return explain(native, keras, (native_s, native_s * cost.ratio))


def ratio_sentence(cost: KerasCost) -> str:
    """The ratio in words: `Keras takes 2.61 × as long (95 %: 2.55 to 2.67)`, or that none can be told."""
    if cost.outcome != "ok" or cost.ratio is None:
        return f"{cost.outcome}: {cost.reason}"
    if cost.interval is None:
        return f"Keras takes {cost.ratio:.2f} × as long (one pair of processes: no interval)"
    low, high = cost.interval
    if low <= 1 <= high:
        return f"no difference can be told: {cost.ratio:.2f} × (95 %: {low:.2f} to {high:.2f})"
    if high < 1:
        return f"Keras is faster: {cost.ratio:.2f} × the native step (95 %: {low:.2f} to {high:.2f})"
    return f"Keras takes {cost.ratio:.2f} × as long (95 %: {low:.2f} to {high:.2f})"


def difference_sentence(explanation: Explanation) -> str:
    """What makes up the difference: `71 % host time: Python and dispatch, 19 % copies and changes of layout`."""
    if _cancels(explanation):
        return "not told: the parts that the traces show cancel each other, as they do in so small a difference"
    named = [change for change in explanation.kinds if change.share is not None and change.share >= LEAST_SHARE]
    parts = [f"{change.share:.0%} {_WORDS.get(change.name, change.name)}" for change in named[:MOST_NAMED]]
    less = [change for change in explanation.kinds if change.share is not None and change.share <= -LEAST_SHARE]
    saved = [f"{_WORDS.get(change.name, change.name)} ({-(change.share or 0):.0%})" for change in less[:2]]
    text = ", ".join(parts) or "spread over all kinds of work"
    return f"{text}, in part made up for by less of {', '.join(saved)}" if saved else text


def layers_sentence(explanation: Explanation) -> str:
    """The layers with the largest parts of the difference: `conv1 12%, conv2 9%`; empty where none can be told."""
    if _cancels(explanation):
        return ""
    named = [change for change in explanation.layers if change.type and (change.share or 0.0) >= LEAST_SHARE]
    return ", ".join(f"{change.name} {change.share:.0%}" for change in named[:MOST_NAMED])


def _cancels(explanation: Explanation) -> bool:
    """Whether parts are larger than the difference and cancel each other."""
    return any(abs(change.share or 0.0) > MOST_SHARE for change in explanation.kinds)


def _middle(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]
