"""Opens marked scopes around each layer, and around what a step does beside its layers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import keras

from anatomy.bench.profiling.layer_index import Layers
from anatomy.bench.records.case_profile import INPUT, LOSS, METRICS, OPTIMIZER

Scope = Callable[[str], AbstractContextManager[Any]]


def open_scopes(model: Any, layers: Layers, scope: Scope) -> None:
    """From here on the parts of the model's step run within scopes. For a process that ends after it."""
    if getattr(model, "compiled", False):
        _wrap(model, "compute_loss", scope, layers.mark(LOSS))
        _wrap(model, "compute_metrics", scope, layers.mark(METRICS))
        _wrap(getattr(model, "_loss_tracker", None), "update_state", scope, layers.mark(METRICS))
        _wrap(getattr(model, "optimizer", None), "apply", scope, layers.mark(OPTIMIZER))
    _Calls(model, layers, scope).scope_all()


def _wrap(owner: Any, name: str, scope: Scope, mark: str) -> None:
    inner = getattr(owner, name, None)
    if inner is None:
        return

    def call(*arguments: Any, **options: Any) -> Any:
        with scope(mark):
            return inner(*arguments, **options)

    setattr(owner, name, call)


class _Calls:
    """Calls of layers and of operations that are nodes of a graph, within each other."""

    def __init__(self, model: Any, layers: Layers, scope: Scope) -> None:
        self._model, self._layers, self._scope = model, layers, scope
        # Each replica of a strategy calls the model in a thread of its own.
        self._open = threading.local()

    def scope_all(self) -> None:
        """On the classes at once: layers and operations look `__call__` up there."""
        for kind in (keras.Layer, keras.Operation):
            kind.__call__ = self._scoped(kind.__call__, kind)

    def _scoped(self, inner: Callable[..., Any], kind: type) -> Callable[..., Any]:
        def call(operation: Any, *arguments: Any, **options: Any) -> Any:
            # A layer's call passes through that of an operation as well.
            if kind is keras.Operation and isinstance(operation, keras.Layer):
                return inner(operation, *arguments, **options)
            with self._within(operation):
                return inner(operation, *arguments, **options)

        return call

    @contextmanager
    def _within(self, operation: Any) -> Iterator[None]:
        around = getattr(self._open, "path", "")
        place = self._layers.place_of(operation, around)
        if place is None and operation is not self._model:
            yield
            return
        # The outermost model holds the others without being in their paths.
        self._open.path = around if operation is self._model or place is None else place.path
        try:
            # What is the model's but of no node of its graph is its input's: casts, added axes.
            with self._scope(self._layers.mark(place.row if place else INPUT)):
                yield
        finally:
            self._open.path = around
