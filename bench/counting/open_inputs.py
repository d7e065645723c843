"""Inputs that a builder leaves open, and models that a backend cannot build so."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import keras

from anatomy.bench.counting.untraceable import true_reason

# What is tried to see whether an open length is why a model cannot be built, and named as an example.
EXAMPLE = 16


@dataclass(frozen=True)
class OpenInput:
    """An input with an open length that was made.

    Attributes:
        name: the user's; empty where Keras names it.
        shape: of one example.
    """

    name: str
    shape: tuple[int | None, ...]

    def option(self, *, alone: bool) -> str:
        """The option of `anatomy inspect` that gives the length, with an example."""
        shape = "x".join(str(EXAMPLE if length is None else length) for length in self.shape)
        return f"--input {shape}" if alone or not self.name else f"--input {self.name}={shape}"


def build_closed(build: Callable[[], Any], given: Any) -> Any:
    """What `build` returns; where it fails because a length is open, with the given lengths in its inputs.

    Args:
        given: shapes as `count_model` takes them, or `None`.

    Raises:
        ValueError: it fails because of a length that is not given; says how to give it.
    """
    made: list[OpenInput] = []
    with _inputs(made, lambda _: None):
        try:
            return build()
        except Exception as error:  # noqa: BLE001  # a user's builder may raise anything
            failure = error
    for lengths in (given, EXAMPLE) if given is not None else (EXAMPLE,):
        built = _built_with(build, lengths) if made else None
        if built is not None and lengths is not EXAMPLE:
            return built
        if built is not None:
            found = list(dict.fromkeys(made))
            options = " ".join(one.option(alone=len(found) == 1) for one in found)
            raise ValueError(
                f"{true_reason(failure)}; the cause is an open length, with which Keras on"
                f" {keras.config.backend()} cannot build the model: give it, {options}"
            ) from failure
    raise failure


def _built_with(build: Callable[[], Any], lengths: Any) -> Any:
    """What `build` returns with these lengths in its inputs; `None` where it fails."""
    with _inputs([], lambda one: _filled(one, lengths)):
        try:
            return build()
        except Exception:  # noqa: BLE001  # a user's builder may raise anything
            return None


def _filled(one: OpenInput, lengths: Any) -> tuple[int, ...] | None:
    """The shape of an open input with the lengths that are given for it; `None` where they do not fit."""
    if lengths is EXAMPLE:
        return tuple(length or EXAMPLE for length in one.shape)
    if isinstance(lengths, Mapping):
        lengths = next((shape for path, shape in lengths.items() if path.rpartition("/")[2] == one.name), ())
    fits = len(lengths) == len(one.shape) and all(
        isinstance(length, int) and own in (None, length) for own, length in zip(one.shape, lengths, strict=True)
    )
    return tuple(lengths) if fits else None


@contextmanager
def _inputs(made: list[OpenInput], fill: Callable[[OpenInput], tuple[int, ...] | None]) -> Iterator[None]:
    """Within the block, note the open inputs that are made, and give them the shape that `fill` returns."""
    create = keras.layers.InputLayer.__init__
    usual = inspect.signature(create)

    def init(layer: Any, *args: Any, **kwargs: Any) -> None:
        given = usual.bind(layer, *args, **kwargs)
        whole = given.arguments.get("batch_shape")
        shape = given.arguments.get("shape") if whole is None else whole[1:]
        if isinstance(shape, tuple | list) and None in shape:
            made.append(one := OpenInput(given.arguments.get("name") or "", tuple(shape)))
            filled = fill(one)
            if filled is not None:
                key, value = ("shape", filled) if whole is None else ("batch_shape", (whole[0], *filled))
                given.arguments[key] = value
        create(*given.args, **given.kwargs)

    with mock.patch.object(keras.layers.InputLayer, "__init__", init):
        yield
