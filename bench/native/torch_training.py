"""Optimizer, loss and training step of a plan as lines of PyTorch."""

from __future__ import annotations

from collections.abc import Sequence

from anatomy.bench.native.learning_rates import Schedule
from anatomy.bench.native.penalized_places import PenalizedPlaces
from anatomy.bench.native.program import Weight
from anatomy.bench.native.scope_lines import LOSS, OPTIMIZER, ScopeName, in_scope
from anatomy.bench.native.torch_layout import first_axes, permuted
from anatomy.bench.native.training_plan import Loss, Optimizer, TrainingPlan

# Keras's loss → its expression from outputs `{y}` and targets `{t}`: on logits, on probabilities or values.
_ON_LOGITS = {
    "sparse_categorical_crossentropy": "F.cross_entropy({y}, {t}.long())",
    "categorical_crossentropy": "F.cross_entropy({y}, {t})",
    "binary_crossentropy": "F.binary_cross_entropy_with_logits({y}, {t}.to({y}.dtype))",
}
_ON_OUTPUTS = {
    "sparse_categorical_crossentropy": "F.nll_loss(log_shares({y}), {t}.long())",
    "categorical_crossentropy": "-({t} * log_shares({y})).sum(1).mean()",
    "binary_crossentropy": "F.binary_cross_entropy({y}.clamp(1e-7, 1 - 1e-7), {t}.to({y}.dtype))",
    "mean_squared_error": "F.mse_loss({y}, {t}.to({y}.dtype))",
    "mean_absolute_error": "F.l1_loss({y}, {t}.to({y}.dtype))",
    "huber": "F.huber_loss({y}, {t}.to({y}.dtype), delta={delta})",
}
# Keras's way to clip gradients → its line.
_CLIPPING = {
    "global_clipnorm": "nn.utils.clip_grad_norm_(network.parameters(), {limit})",
    "clipvalue": "nn.utils.clip_grad_value_(network.parameters(), {limit})",
    "clipnorm": "clip_each_norm(network, {limit})",
}
_Axes = tuple[int, ...] | None


def weight_decay(plan: TrainingPlan) -> bool:
    """Whether the optimizer's own weight decay is what the penalties do: it adds 2 · l2 · w to a gradient."""
    of_squares = all(penalty.l1 == 0 for penalty in plan.penalties)
    optimizer = plan.optimizer
    return of_squares and optimizer.name in ("SGD", "Adam") and optimizer.clipping is None and not own_sgd(optimizer)


def own_sgd(optimizer: Optimizer) -> bool:
    """Whether torch's SGD differs: it multiplies the whole velocity by the rate of the moment, Keras the gradient."""
    return optimizer.name == "SGD" and bool(optimizer.options.get("momentum")) and _is_scheduled(optimizer)


def places_of(weight: Weight) -> str:
    """The names of a weight's parameters in the network, with quotes."""
    prefix = f"{weight.layer}." if weight.layer else ""
    return ", ".join(f'"{prefix}{name}"' for name in weight.name.split())


def require_clippable(optimizer: Optimizer, weights: Sequence[Weight]) -> None:
    """Make sure that the gradient of each weight is one tensor, where its length is limited.

    Raises:
        NotImplementedError: a weight is two parameters.
    """
    two = next((weight.variable.path for weight in weights if " " in weight.name), "")
    if two and optimizer.clipping is not None and optimizer.clipping[0] == "clipnorm":
        raise NotImplementedError(f"clipnorm of {two}, which is two parameters in torch, is not translated")


def optimizer_lines(plan: TrainingPlan, places: PenalizedPlaces) -> list[str]:
    """`make_optimizer`."""
    optimizer = plan.optimizer
    o = {"momentum": 0.0, **optimizer.options}
    parameters = "network.parameters()"
    if places.terms() and weight_decay(plan):
        decays = ", ".join(f"{2 * factor}: {name}" for _, factor, name in places.terms())
        parameters = f"parameter_groups(network, {{{decays}}})"
    rate = optimizer.learning_rate
    # A schedule gives the rate as a multiple of 1.
    arguments = f"{parameters}, lr={1.0 if isinstance(rate, Schedule) else rate}"
    momentum = f", momentum={o['momentum']}" if o["momentum"] else ""
    if own_sgd(optimizer):
        call = f"VelocitySGD({arguments}{momentum}, nesterov={o['nesterov']})"
    elif optimizer.name == "SGD":
        nesterov = ", nesterov=True" if momentum and o["nesterov"] else ""
        call = f"torch.optim.SGD({arguments}{momentum}{nesterov}, fused=True)"
    elif optimizer.name == "RMSprop":
        call = f"RMSprop({arguments}, rho={o['rho']}, momentum={o['momentum']}, eps={o['epsilon']})"
    else:
        arguments += f", betas=({o['beta_1']}, {o['beta_2']}), eps={o['epsilon']}"
        decay = f", weight_decay={o['weight_decay']}" if optimizer.name == "AdamW" else ""
        call = f"torch.optim.{optimizer.name}({arguments}{decay}, fused=True)"
    if not isinstance(rate, Schedule):
        return ["def make_optimizer(network):", f"    return {call}"]
    schedule = f"torch.optim.lr_scheduler.LambdaLR(optimizer, lambda updates: {rate.expression('updates')})"
    return [
        "def make_optimizer(network):",
        f"    optimizer = {call}",
        f"    optimizer.schedule = {schedule}",
        "    return optimizer",
    ]


def step_lines(
    plan: TrainingPlan,
    places: PenalizedPlaces,
    ranks: Sequence[int],
    output_axes: Sequence[_Axes],
    scope: ScopeName | None,
) -> list[str]:
    """`train_step`.

    Args:
        plan: losses and optimizer.
        places: of the weights that it penalizes.
        ranks: number of axes of each output.
        output_axes: for each output, Keras's axes as numbers of its own; `None` where they are the same.
        scope: names loss and update in a trace; `None` for no names.
    """
    optimizer = plan.optimizer
    terms = _loss_terms(plan, ranks, output_axes)
    if not weight_decay(plan):
        terms += [f"{factor} * {sum_of}(network, {name})" for sum_of, factor, name in places.terms()]
    loss = f"    loss = {' + '.join(terms)}"
    clipping = _CLIPPING[optimizer.clipping[0]].format(limit=optimizer.clipping[1]) if optimizer.clipping else ""
    adjusts = optimizer.name in ("Adam", "AdamW")
    update = [*([clipping] if clipping else []), "optimizer.step()"]
    if _is_scheduled(optimizer):
        update.append("optimizer.schedule.step()")
    epsilon, beta_2 = optimizer.options.get("epsilon"), optimizer.options.get("beta_2")
    return [
        "def train_step(network, optimizer, inputs, targets):",
        "    optimizer.zero_grad(set_to_none=True)",
        "    outputs = network(inputs)",
        *in_scope([loss], "torch", LOSS, scope),
        "    loss.backward()",
        *([f"    set_epsilon(optimizer, {epsilon}, {beta_2})"] if adjusts else []),
        *in_scope([f"    {line}" for line in update], "torch", OPTIMIZER, scope),
        "    return loss.detach()",
    ]


def _is_scheduled(optimizer: Optimizer) -> bool:
    return isinstance(optimizer.learning_rate, Schedule)


def _loss_terms(plan: TrainingPlan, ranks: Sequence[int], output_axes: Sequence[_Axes]) -> list[str]:
    terms, target = [], 0
    for output, loss in enumerate(plan.losses):
        if loss is not None:
            y, t = _operands(loss, output, target, ranks[output], output_axes[output])
            patterns = _ON_LOGITS if loss.logits and loss.name in _ON_LOGITS else _ON_OUTPUTS
            weight = "" if loss.weight == 1 else f"{loss.weight} * "
            if loss.label_smoothing:
                smooth = "smooth_binary" if loss.name.startswith("binary") else "smooth"
                t = f"{smooth}({t}, {loss.label_smoothing})"
            terms.append(weight + patterns[loss.name].format(y=y, t=t, delta=loss.delta))
            target += 1
    return terms


def _operands(loss: Loss, output: int, target: int, rank: int, axes: _Axes) -> tuple[str, str]:
    """Output and target as the loss takes them: classes on the second axis, targets in the output's order."""
    y, t = f"outputs[{output}]", f"targets[{target}]"
    of_classes = loss.name.endswith("categorical_crossentropy")
    if of_classes and axes is None and rank > 2:
        y = f"{y}.flatten(0, {rank - 2})"
        return (y, f"{t}.flatten()") if loss.name.startswith("sparse") else (y, f"{t}.flatten(0, {rank - 2})")
    if loss.name.startswith("sparse"):
        return y, f"{t}.flatten()" if rank == 2 else f"{t}.view_as({y}[:, 0])"
    if axes is None:
        return y, t if of_classes else f"{t}.view_as({y})"
    return y, permuted(t, first_axes(rank))
