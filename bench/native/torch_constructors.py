"""How the constructor of a module of `torch.nn` is written: only what differs from its defaults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def construct(name: str, *arguments: Any, **options: Any) -> str:
    """`nn.Conv2d(3, 64, 3, padding=1)`; options that are `None` are left out."""
    given = [repr(argument) for argument in arguments]
    given += [f"{option}={value!r}" for option, value in options.items() if value is not None]
    return f"nn.{name}({', '.join(given)})"


def one_or_all(sizes: Sequence[int]) -> int | tuple[int, ...]:
    """The size, where it is the same in every dimension."""
    return sizes[0] if len(set(sizes)) == 1 else tuple(sizes)


def unless(value: Any, default: Any) -> Any:
    """The value, or `None` where it is the default."""
    return None if value == default else value


def pad_argument(margins: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """The argument of `F.pad` for the margins of each axis, the first axis first."""
    return tuple(size for margin in reversed(margins) for size in margin)
