"""Optimizer, loss and training step of a plan as lines of PyTorch."""

from __future__ import annotations

from collections.abc import Sequence

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
}
_Axes = tuple[int, ...] | None


def optimizer_lines(optimizer: Optimizer) -> list[str]:
    """`make_optimizer`."""
    o = {"momentum": 0.0, **optimizer.options}
    arguments = f"network.parameters(), lr={optimizer.learning_rate}"
    momentum = f", momentum={o['momentum']}" if o["momentum"] else ""
    if optimizer.name == "SGD":
        nesterov = ", nesterov=True" if momentum and o["nesterov"] else ""
        call = f"torch.optim.SGD({arguments}{momentum}{nesterov}, fused=True)"
    elif optimizer.name == "RMSprop":
        call = f"RMSprop({arguments}, rho={o['rho']}, momentum={o['momentum']}, eps={o['epsilon']})"
    else:
        arguments += f", betas=({o['beta_1']}, {o['beta_2']}), eps={o['epsilon']}"
        decay = f", weight_decay={o['weight_decay']}" if optimizer.name == "AdamW" else ""
        call = f"torch.optim.{optimizer.name}({arguments}{decay}, fused=True)"
    return ["def make_optimizer(network):", f"    return {call}"]


def step_lines(
    plan: TrainingPlan, ranks: Sequence[int], output_axes: Sequence[_Axes], scope: ScopeName | None
) -> list[str]:
    """`train_step`.

    Args:
        plan: losses and optimizer.
        ranks: number of axes of each output.
        output_axes: for each output, Keras's axes as numbers of its own; `None` where they are the same.
        scope: names loss and update in a trace; `None` for no names.
    """
    optimizer = plan.optimizer
    loss = f"    loss = {_loss_expression(plan, ranks, output_axes)}"
    adjusts = optimizer.name in ("Adam", "AdamW")
    epsilon, beta_2 = optimizer.options.get("epsilon"), optimizer.options.get("beta_2")
    return [
        "def train_step(network, optimizer, inputs, targets):",
        "    optimizer.zero_grad(set_to_none=True)",
        "    outputs = network(inputs)",
        *in_scope([loss], "torch", LOSS, scope),
        "    loss.backward()",
        *([f"    set_epsilon(optimizer, {epsilon}, {beta_2})"] if adjusts else []),
        *in_scope(["    optimizer.step()"], "torch", OPTIMIZER, scope),
        "    return loss.detach()",
    ]


def _loss_expression(plan: TrainingPlan, ranks: Sequence[int], output_axes: Sequence[_Axes]) -> str:
    terms, target = [], 0
    for output, loss in enumerate(plan.losses):
        if loss is not None:
            y, t = _operands(loss, output, target, ranks[output], output_axes[output])
            patterns = _ON_LOGITS if loss.logits and loss.name in _ON_LOGITS else _ON_OUTPUTS
            weight = "" if loss.weight == 1 else f"{loss.weight} * "
            terms.append(weight + patterns[loss.name].format(y=y, t=t))
            target += 1
    return " + ".join(terms)


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
