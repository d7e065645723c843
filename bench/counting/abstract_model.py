"""Builds models of any size without drawing their weights, under a dtype policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

_PENDING = "uninitialized_variables"


@contextmanager
def abstract_model() -> Iterator[None]:
    """Within the block, models are built with the shapes of their weights and no values.

    Weights are left uninitialised by `keras.StatelessScope`
    (https://keras.io/api/utils/, `initialize_variables=False`), and afterwards taken off Keras's list
    of variables to initialise later. Such a model can be counted and inspected. It must not be run,
    trained or saved: reading one of its weights draws a fresh value each time.

    Raises:
        RuntimeError: this version of Keras keeps that list elsewhere.
    """
    import keras

    try:
        from keras.src.backend.common import global_state
    except ImportError as error:
        raise RuntimeError(
            f"abstract_model() does not know Keras {keras.__version__}: expected 3.15; install 'keras>=3.15,<3.16'"
        ) from error

    pending = list(global_state.get_global_attribute(_PENDING) or [])
    create = mock.patch.object(keras.Variable, "__init__", _deferring(keras.Variable.__init__))
    try:
        with create, _untracked_by_torch(), optimizers_on_shapes(), keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        global_state.set_global_attribute(_PENDING, pending)


@contextmanager
def _untracked_by_torch() -> Iterator[None]:
    """Within the block, layers on torch keep no values of their weights as parameters of torch."""
    import keras

    with ExitStack() as stack:
        if hasattr(keras.Layer, "_track_variables"):
            stack.enter_context(mock.patch.object(keras.Layer, "_track_variables", return_value=None))
        yield


@contextmanager
def dtype_policy(name: str | None) -> Iterator[None]:
    """Within the block, Keras's dtype policy is `name`; `None` leaves the one in effect."""
    import keras

    before = keras.config.dtype_policy()
    if name is not None:
        keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@contextmanager
def optimizers_on_shapes() -> Iterator[None]:
    """Within the block, optimizers read no values of variables, which are missing and would be drawn anew each time.

    On TensorFlow they know variables by their values, and place their own beside them.
    """
    import keras

    changes: dict[str, Any] = {
        "_var_key": lambda _, variable: id(variable),
        "add_variable_from_reference": _add_variable_like,
    }
    with mock.patch.multiple(keras.optimizers.Optimizer, **changes):
        yield


def _add_variable_like(optimizer: Any, reference_variable: Any, name: Any = None, initializer: Any = "zeros") -> Any:
    shape, dtype = reference_variable.shape, reference_variable.dtype
    return optimizer.add_variable(shape=shape, initializer=initializer, dtype=dtype, name=name)


def _deferring(create: Callable[..., None]) -> Callable[..., None]:
    """`Variable.__init__` that takes a value, which the scope refuses, as an initialiser of that value.

    A stateful recurrent layer makes its states so.
    """

    def init(variable: Any, initializer: Any, *args: Any, **kwargs: Any) -> None:
        if not (callable(initializer) or isinstance(initializer, str) or args):
            value = initializer if hasattr(initializer, "shape") else _as_tensor(initializer)
            for name in ("shape", "dtype"):
                if kwargs.get(name) is None:
                    kwargs[name] = getattr(value, name)
            initializer = _Constant(value)
        create(variable, initializer, *args, **kwargs)

    return init


def _as_tensor(value: Any, dtype: Any = None) -> Any:
    import keras

    return keras.ops.convert_to_tensor(value, dtype=dtype)


class _Constant:
    """An initialiser that gives one value, whatever shape it is asked for."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return _as_tensor(self.value, dtype)
