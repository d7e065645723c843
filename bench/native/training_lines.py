"""Loss and optimizer of a training plan as expressions, the same in every functional program."""

from __future__ import annotations

from anatomy.bench.native.learning_rates import Schedule
from anatomy.bench.native.penalized_places import PenalizedPlaces
from anatomy.bench.native.training_plan import Loss, Optimizer, TrainingPlan


def loss_expression(plan: TrainingPlan, params: str, places: PenalizedPlaces) -> str:
    """The sum of the losses of all outputs, each by its weight, of `targets` and `outputs`, and of the penalties.

    Args:
        params: the expression of the trained weights.
        places: as `PenalizedPlaces` names them.
    """
    terms, target = [], 0
    for output, loss in enumerate(plan.losses):
        if loss is None:
            continue
        weight = "" if loss.weight == 1 else f"{loss.weight} * "
        terms.append(f"{weight}{_call(loss, target, output)}")
        target += 1
    terms += [f"{factor} * {sum_of}({params}, {name})" for sum_of, factor, name in places.terms()]
    return " + ".join(terms)


def clipping_lines(optimizer: Optimizer) -> list[str]:
    """The line that clips `gradients`, without indentation; none if they are not clipped."""
    if optimizer.clipping is None:
        return []
    option, limit = optimizer.clipping
    function = {"clipnorm": "clip_each_norm", "clipvalue": "clip_values", "global_clipnorm": "clip_global_norm"}
    return [f"gradients = {function[option]}(gradients, {limit})"]


def learning_rate_lines(optimizer: Optimizer, updates: str) -> list[str]:
    """The line that computes `learning_rate`, without indentation; none if it is constant.

    Args:
        updates: the expression of the number of updates before this one.
    """
    rate = optimizer.learning_rate
    return [f"learning_rate = {rate.expression(updates)}"] if isinstance(rate, Schedule) else []


def optimizer_arguments(optimizer: Optimizer) -> str:
    """Keyword arguments of the optimizer's function."""
    rate = optimizer.learning_rate
    options = {"learning_rate": "learning_rate" if isinstance(rate, Schedule) else rate, **optimizer.options}
    return ", ".join(f"{name}={value}" for name, value in options.items())


def optimizer_slots(optimizer: Optimizer) -> tuple[str, ...]:
    """What an optimizer keeps for every weight."""
    velocity = ("velocity",) if optimizer.options.get("momentum") else ()
    return {
        "SGD": velocity,
        "Adam": ("mean", "square"),
        "AdamW": ("mean", "square"),
        "RMSprop": ("square", *velocity),
    }[optimizer.name]


def _call(loss: Loss, target: int, output: int) -> str:
    """The loss on logits has Keras's name, that on probabilities says so."""
    on_outputs = loss.logits or not loss.name.endswith("crossentropy")
    function = loss.name if on_outputs else f"{loss.name}_of_probabilities"
    targets = f"targets[{target}]"
    if loss.label_smoothing:
        targets = (
            f"{'smooth_binary' if loss.name.startswith('binary') else 'smooth'}({targets}, {loss.label_smoothing})"
        )
    return f"{function}({targets}, outputs[{output}]{f', {loss.delta}' if loss.name == 'huber' else ''})"
