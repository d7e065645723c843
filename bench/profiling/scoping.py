"""Opens marked scopes around each layer, and around what a step does beside its layers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from anatomy.bench.profiling.layers import Layers
from anatomy.bench.profiling.result import INPUT, LOSS, METRICS, OPTIMIZER

Scope = Callable[[str], AbstractContextManager[Any]]


def open_scopes(model: Any, layers: Layers, scope: Scope) -> None:
    """From here on the parts of the model's step run within scopes. For a process that ends after it."""
    if getattr(model, "compiled", False):
        _wrap(model, "compute_loss", scope, layers.mark(LOSS))
        _wrap(model, "compute_metrics", scope, layers.mark(METRICS))
        _wrap(getattr(model, "_loss_tracker", None), "update_state", scope, layers.mark(METRICS))
        _wrap(getattr(model, "optimizer", None), "apply", scope, layers.mark(OPTIMIZER))
    _scope_layers(model, layers, scope)


def _wrap(owner: Any, name: str, scope: Scope, mark: str) -> None:
    inner = getattr(owner, name, None)
    if inner is None:
        return

    def call(*arguments: Any, **options: Any) -> Any:
        with scope(mark):
            return inner(*arguments, **options)

    setattr(owner, name, call)


def _scope_layers(model: Any, layers: Layers, scope: Scope) -> None:
    """On every layer's class at once: layers look `__call__` up there."""
    import keras

    inner = keras.layers.Layer.__call__

    def call(self: Any, *arguments: Any, **options: Any) -> Any:
        # What is the model's but no layer's is its input's: casts, added axes.
        mark = layers.mark(INPUT) if self is model else layers.mark_of(self)
        if mark is None:
            return inner(self, *arguments, **options)
        with scope(mark):
            return inner(self, *arguments, **options)

    keras.layers.Layer.__call__ = call
