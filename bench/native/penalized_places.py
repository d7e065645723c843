"""The weights whose regularizers add a penalty to the loss, by their places in a program."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from anatomy.bench.native.program import Weight
from anatomy.bench.native.training_plan import TrainingPlan


def layer_and_name(weight: Weight) -> str:
    """The place of a weight in a program that keeps its weights in dicts."""
    return f'("{weight.layer}", "{weight.name}")'


class PenalizedPlaces:
    """The weights that a plan penalizes, by their places in a program, under one name for each factor.

    Args:
        weights: of the program.

    Raises:
        NotImplementedError: the program has not all of them.
    """

    def __init__(self, plan: TrainingPlan, weights: Sequence[Weight]) -> None:
        by_variable = {id(weight.variable): weight for weight in weights}
        # The function that adds them up, and the factor → places.
        self._groups: dict[tuple[str, float], list[Weight]] = {}
        for penalty in plan.penalties:
            weight = by_variable.get(id(penalty.variable))
            if weight is None:
                raise NotImplementedError(
                    f"weight {penalty.variable.path} is regularized and not used; use --mode infer"
                )
            for sum_of, factor in (("sizes", penalty.l1), ("squares", penalty.l2)):
                if factor:
                    self._groups.setdefault((sum_of, factor), []).append(weight)

    def terms(self) -> list[tuple[str, float, str]]:
        """For each group the function that adds it up, the factor, and the name of its places."""
        names = [f"PENALIZED_{number}" if number > 1 else "PENALIZED" for number in range(1, len(self._groups) + 1)]
        return [(sum_of, factor, name) for (sum_of, factor), name in zip(self._groups, names, strict=True)]

    def definitions(self, place: Callable[[Weight], str] = layer_and_name) -> list[str]:
        """Lines that define the names.

        Args:
            place: the expression of a weight's place, or of several with commas between them.
        """
        # The comma of a tuple of one; a longer one may be wrapped, which adds it.
        lines = [
            f"{name} = ({', '.join(map(place, weights))}{',' if len(weights) == 1 else ''})"
            for name, weights in self._named()
        ]
        return ["", "", "# The places of weights that add a penalty to the loss.", *lines] if lines else []

    def _named(self) -> list[tuple[str, Sequence[Weight]]]:
        return [(name, weights) for (*_, name), weights in zip(self.terms(), self._groups.values(), strict=True)]
