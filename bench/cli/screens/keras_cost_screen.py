"""What Keras costs, on a terminal: a row per model and framework as it is known, and where the difference is."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console

    from anatomy.bench.framework_comparison.compared_cases import ComparedPair
    from anatomy.bench.records.case_profile import Profile
    from anatomy.bench.records.keras_cost import KerasCost


class ComparisonDisplay:
    """Prints each cost in a row and a sentence; with `json`, as a line of JSON on standard output instead."""

    def __init__(self, console: Console, total: int, *, json: bool = False) -> None:
        self._console, self._total, self._json = console, total, json
        self._done = 0

    def __enter__(self) -> Self:
        self._print(f"{'mode':<6} {'framework':<11} {'Keras ms':>10} {'native ms':>10}  ratio (95 %)", style="bold")
        self._model = ""
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def begin(self, pair: ComparedPair) -> None:
        """Print the name of a model before its first row."""
        from anatomy.bench.records.case_name import case_name

        model = f"{case_name(pair.keras).split(' ', 1)[0]} b{pair.keras.batch_size}"
        if model != self._model:
            self._model = model
            self._print(model)

    def measured(self, cost: KerasCost) -> None:
        """Nothing: a terminal that is drawn takes time from what is measured."""

    def end(self, cost: KerasCost, profiles: Sequence[Profile]) -> None:
        """Print the row of a cost and what makes it up."""
        from anatomy.bench.profiling.keras_difference import difference_sentence, explain_cost, layers_sentence

        self._done += 1
        if self._json:
            print(cost.model_dump_json(), flush=True)
        head = f"{cost.keras.mode:<6} {cost.keras.backend:<11}"
        if cost.outcome != "ok":
            self._print(f"{head} {cost.outcome}: {cost.reason}", style="red")
            return
        times = f"{median(cost.keras_step_s) * 1e3:>10.3f} {median(cost.native_step_s) * 1e3:>10.3f}"
        self._print(f"{head} {times}  {ratio_text(cost)}")
        explanation = explain_cost(cost, profiles)
        if explanation is not None and explanation.difference > 0 and cost.interval and cost.interval[0] > 1:
            self._print(f"{'':<19}of the difference: {difference_sentence(explanation)}")
            if layers := layers_sentence(explanation):
                self._print(f"{'':<19}most of it in: {layers}")
        for profile in profiles:
            if profile.outcome != "ok":
                self._print(f"{'':<19}no profile: {profile.case.backend}: {profile.reason}")

    def _print(self, line: str, style: str | None = None) -> None:
        self._console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)


def ratio_text(cost: KerasCost) -> str:
    """`2.61 × (2.55 to 2.67)`; `≈ 1` where the interval has 1 in it."""
    if cost.ratio is None:
        return "–"
    if cost.interval is None:
        return f"{cost.ratio:.2f} ×"
    low, high = cost.interval
    same = ", no difference can be told" if low <= 1 <= high else ""
    return f"{cost.ratio:.2f} × ({low:.2f} to {high:.2f}){same}"
