"""Loss and optimizer of a training plan as expressions, the same in every functional program."""

from __future__ import annotations

from anatomy.bench.native.training_plan import Loss, Optimizer, TrainingPlan


def loss_expression(plan: TrainingPlan) -> str:
    """The sum of the losses of all outputs, each by its weight, of `targets` and `outputs`."""
    terms, target = [], 0
    for output, loss in enumerate(plan.losses):
        if loss is None:
            continue
        weight = "" if loss.weight == 1 else f"{loss.weight} * "
        terms.append(f"{weight}{_function(loss)}(targets[{target}], outputs[{output}])")
        target += 1
    return " + ".join(terms)


def optimizer_arguments(optimizer: Optimizer) -> str:
    """Keyword arguments of the optimizer's function."""
    options = {"learning_rate": optimizer.learning_rate, **optimizer.options}
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


def _function(loss: Loss) -> str:
    """The loss on logits has Keras's name, that on probabilities says so."""
    on_outputs = loss.logits or not loss.name.endswith("crossentropy")
    return loss.name if on_outputs else f"{loss.name}_of_probabilities"
