"""Open a marked scope around each layer's call, and around the parts of a step that belong to no layer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import keras

from anatomy.bench.profiling.layer_index import LayerIndex
from anatomy.bench.records.case_profile import INPUT, LOSS, METRICS, OPTIMIZER

Scope = Callable[[str], AbstractContextManager[Any]]


def annotate_layers(model: Any, layers: LayerIndex, scope: Scope) -> None:
    """From here on, run every part of the model's step within its scope. It cannot be undone in this process."""
    if getattr(model, "compiled", False):
        _wrap(model, "compute_loss", scope, layers.mark(LOSS))
        _wrap(model, "compute_metrics", scope, layers.mark(METRICS))
        _wrap(getattr(model, "_loss_tracker", None), "update_state", scope, layers.mark(METRICS))
        _wrap(getattr(model, "optimizer", None), "apply", scope, layers.mark(OPTIMIZER))
    scopes = _LayerScopes(model, layers, scope)
    # Python looks `__call__` up on the class.
    for kind in (keras.Layer, keras.Operation):
        kind.__call__ = scopes.around_call(kind.__call__, kind)


def _wrap(owner: Any, name: str, scope: Scope, mark: str) -> None:
    inner = getattr(owner, name, None)
    if inner is None:
        return

    def call(*arguments: Any, **options: Any) -> Any:
        with scope(mark):
            return inner(*arguments, **options)

    setattr(owner, name, call)


class _LayerScopes:
    """Scopes around nested calls of layers, and of operations that are nodes of a graph."""

    def __init__(self, model: Any, layers: LayerIndex, scope: Scope) -> None:
        self._model, self._layers, self._scope = model, layers, scope
        # Path of the layer being called, per thread: each replica of a strategy calls the model in another thread.
        self._calling = threading.local()

    def around_call(self, inner: Callable[..., Any], kind: type) -> Callable[..., Any]:
        def call(operation: Any, *arguments: Any, **options: Any) -> Any:
            # A layer's call passes through that of an operation as well.
            if kind is keras.Operation and isinstance(operation, keras.Layer):
                return inner(operation, *arguments, **options)
            with self._within(operation):
                return inner(operation, *arguments, **options)

        return call

    @contextmanager
    def _within(self, operation: Any) -> Iterator[None]:
        around = getattr(self._calling, "path", "")
        place = self._layers.find_place(operation, around)
        if place is None and operation is not self._model:
            yield
            return
        # The outermost model is not part of the paths.
        self._calling.path = around if operation is self._model or place is None else place.path
        try:
            # Work of the model that belongs to no node of its graph prepares its input: casts, added axes.
            with self._scope(self._layers.mark(place.entry if place else INPUT)):
                yield
        finally:
            self._calling.path = around
