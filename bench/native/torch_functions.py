"""What a network is written with where `torch.nn` has no layer for it: copied into the program that uses it.

Images have channels first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  # as everyone imports it
from torch import Tensor, nn


def pad_same(x: Tensor, size: Sequence[int], stride: Sequence[int], value: float = 0.0) -> Tensor:
    """Pad so that windows of `size` give ⌈length / stride⌉ outputs; the odd one goes to the end."""
    padding: list[int] = []
    for length, window, step in zip(x.shape[2:], size, stride, strict=True):
        total = max((-(-length // step) - 1) * step + window - length, 0)
        padding = [total // 2, total - total // 2, *padding]
    return F.pad(x, padding, value=value)


def avg_pool_same(x: Tensor, pool: Callable[..., Tensor], size: Sequence[int], stride: Sequence[int]) -> Tensor:
    """Average pooling whose windows leave the padding out."""
    sums = pool(pad_same(x, size, stride), size, stride)
    shares = pool(pad_same(torch.ones_like(x[:1, :1]), size, stride), size, stride)
    return sums / shares


def relu_above(x: Tensor, threshold: float, negative_slope: float, max_value: float | None) -> Tensor:
    """The value itself above a threshold, a slope that ends in 0 there below it."""
    found = torch.where(x >= threshold, x, negative_slope * (x - threshold))
    return found if max_value is None else found.clamp(max=max_value)


def local_response_norm(x: Tensor, radius: int, bias: float, alpha: float, beta: float) -> Tensor:
    """Divide by (bias + alpha · the sum of the squares of the channels around)^beta.

    `nn.LocalResponseNorm` computes the same through a pooling in three dimensions and a power, and takes longer.
    """
    squares = x.square()
    scale = squares.clone()
    for shift in range(1, radius + 1):
        scale[:, shift:] += squares[:, :-shift]
        scale[:, :-shift] += squares[:, shift:]
    scale = scale * alpha + bias
    return x * (torch.rsqrt(scale * scale.sqrt()) if beta == 0.75 else scale**-beta)


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    heads: int,
    groups: int,
    mask: Tensor | None = None,
    causal: bool = False,
    dropout: float = 0.0,
) -> Tensor:
    """Scaled dot-product attention of (batch, time, heads · size); keys and values have `groups` heads."""
    query = query.unflatten(-1, (heads, -1)).transpose(1, 2)
    key = key.unflatten(-1, (groups, -1)).transpose(1, 2)
    value = value.unflatten(-1, (groups, -1)).transpose(1, 2)
    if mask is not None:
        mask = mask.bool().unsqueeze(1)
        if causal:
            mask, causal = mask & torch.ones(mask.shape[-2:], dtype=torch.bool, device=mask.device).tril(), False
    found = F.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, dropout_p=dropout, is_causal=causal, enable_gqa=groups != heads
    )
    return found.transpose(1, 2).flatten(2)


def drop_path(x: Tensor, rate: float, training: bool) -> Tensor:
    """In training, drop whole examples at this rate and scale the others up."""
    if not training:
        return x
    kept = torch.empty((x.shape[0],) + (1,) * (x.ndim - 1), dtype=x.dtype, device=x.device).bernoulli_(1 - rate)
    return x * kept.div_(1 - rate)


def gaussian_noise(x: Tensor, stddev: float, training: bool) -> Tensor:
    """In training, add normal noise."""
    return x + torch.randn_like(x) * stddev if training else x


def gaussian_dropout(x: Tensor, rate: float, training: bool) -> Tensor:
    """In training, multiply by normal noise around 1 that has the variance of dropout."""
    return x * (1 + torch.randn_like(x) * (rate / (1 - rate)) ** 0.5) if training else x


def log_shares(x: Tensor) -> Tensor:
    """Logarithms of each value's share of the sum over the second axis, kept from 0 and 1 as Keras does."""
    return (x / x.sum(1, keepdim=True)).clamp(1e-7, 1 - 1e-7).log()


def set_epsilon(optimizer: torch.optim.Optimizer, epsilon: float, beta_2: float) -> None:
    """Let torch's Adam compute Keras's, which adds epsilon before the correction of the second moment, not after."""
    for group in optimizer.param_groups:
        group["steps"] = group.get("steps", 0) + 1
        group["eps"] = epsilon / (1 - beta_2 ** group["steps"]) ** 0.5


def smooth(targets: Tensor, share: float) -> Tensor:
    """Probabilities of classes, on the second axis, of which a share is spread over all classes."""
    return targets * (1 - share) + share / targets.shape[1]


def smooth_binary(targets: Tensor, share: float) -> Tensor:
    """Probabilities of yes, drawn towards a half by a share."""
    return targets * (1 - share) + 0.5 * share


def squares(network: nn.Module, names: Sequence[str]) -> Any:
    """Sum of the squares of all numbers in these parameters."""
    return sum(network.get_parameter(name).square().sum() for name in names)


def sizes(network: nn.Module, names: Sequence[str]) -> Any:
    """Sum of the sizes of all numbers in these parameters."""
    return sum(network.get_parameter(name).abs().sum() for name in names)


def parameter_groups(network: nn.Module, decays: Mapping[float, Sequence[str]]) -> list[dict[str, Any]]:
    """The parameters by their weight decay, which is twice the factor of an L2 penalty."""
    rest = dict(network.named_parameters())
    groups = [{"params": [rest.pop(name) for name in names], "weight_decay": decay} for decay, names in decays.items()]
    return [*groups, {"params": list(rest.values()), "weight_decay": 0.0}]


def clip_each_norm(network: nn.Module, limit: float) -> None:
    """The gradient of each weight no longer than the limit."""
    for parameter in network.parameters():
        nn.utils.clip_grad_norm_([parameter], limit)


class VelocitySGD(torch.optim.Optimizer):  # type: ignore[misc,unused-ignore]
    """SGD whose velocity has the learning rate in it, as Keras has it; torch's has the gradients alone.

    The two differ where the rate changes.
    """

    def __init__(self, params: Any, lr: float, momentum: float, nesterov: bool) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "nesterov": nesterov})

    @torch.no_grad()  # type: ignore[untyped-decorator,unused-ignore]
    def step(self, closure: Any = None) -> None:
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            weights = [p for p in group["params"] if p.grad is not None]
            if not weights:
                continue
            gradients = [p.grad for p in weights]
            for weight in weights:
                if not self.state[weight]:
                    self.state[weight]["velocity"] = torch.zeros_like(weight)
            velocities = [self.state[weight]["velocity"] for weight in weights]
            torch._foreach_mul_(velocities, group["momentum"])
            torch._foreach_add_(velocities, gradients, alpha=-group["lr"])
            if group["nesterov"]:
                torch._foreach_add_(weights, velocities, alpha=group["momentum"])
                torch._foreach_add_(weights, gradients, alpha=-group["lr"])
            else:
                torch._foreach_add_(weights, velocities)


class RMSprop(torch.optim.Optimizer):  # type: ignore[misc,unused-ignore]
    """RMSprop with epsilon under the root, as Keras has it; torch's adds it to the root."""

    def __init__(self, params: Any, lr: float, rho: float, momentum: float, eps: float) -> None:
        super().__init__(params, {"lr": lr, "rho": rho, "momentum": momentum, "eps": eps})

    @torch.no_grad()  # type: ignore[untyped-decorator,unused-ignore]
    def step(self, closure: Any = None) -> None:
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            weights = [p for p in group["params"] if p.grad is not None]
            if not weights:
                continue
            gradients = [p.grad for p in weights]
            squares = self._slots("square", weights)
            torch._foreach_mul_(squares, group["rho"])
            torch._foreach_addcmul_(squares, gradients, gradients, 1 - group["rho"])
            roots = torch._foreach_sqrt(torch._foreach_add(squares, group["eps"]))
            if group["momentum"]:
                velocities = self._slots("velocity", weights)
                torch._foreach_mul_(velocities, group["momentum"])
                torch._foreach_addcdiv_(velocities, gradients, roots, group["lr"])
                torch._foreach_sub_(weights, velocities)
            else:
                torch._foreach_addcdiv_(weights, gradients, roots, -group["lr"])

    def _slots(self, name: str, weights: list[Tensor]) -> list[Tensor]:
        for weight in weights:
            if name not in self.state[weight]:
                self.state[weight][name] = torch.zeros_like(weight)
        return [self.state[weight][name] for weight in weights]
