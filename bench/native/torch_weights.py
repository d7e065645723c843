"""How the array of a Keras variable lies in a parameter of PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from anatomy.bench.native.program import Array, as_it_is


@dataclass(frozen=True)
class Parameter:
    """A parameter or buffer of a module, and the Keras variable that it holds.

    Attributes:
        name: in the module, such as `weight`.
        variable: of Keras; `None` where Keras's layer has none, and the module's own initial value stays for good.
        to_native: from Keras's array to the parameter's.
        to_keras: back again.
    """

    name: str
    variable: Any
    to_native: Callable[[Array], Array] = as_it_is
    to_keras: Callable[[Array], Array] = as_it_is


def arranged(
    name: str,
    variable: Any,
    axes: tuple[int, ...],
    shape: tuple[int, ...] | None = None,
    parts: tuple[int, ...] | None = None,
) -> Parameter:
    """A parameter that has the axes of Keras's array in another order.

    Args:
        name: in the module.
        variable: of Keras; `None` for none.
        axes: Keras's axes in the order of the parameter.
        shape: of the parameter, where several of those axes are one there.
        parts: shape that Keras's array is first given, where one of its axes is several.
    """
    if variable is None:
        return Parameter(name, None)
    forth = ToTorch(axes, shape, parts)
    return Parameter(name, variable, forth, ToKeras(forth, tuple(variable.shape)))


@dataclass(frozen=True)
class ToTorch:
    """From Keras's array to a parameter's: given the shape `parts`, then its axes in the order `axes`, then `shape`."""

    axes: tuple[int, ...]
    shape: tuple[int, ...] | None
    parts: tuple[int, ...] | None

    def __call__(self, array: Array) -> Array:
        """The parameter's array, a view where that is possible."""
        array = array if self.parts is None else array.reshape(self.parts)
        array = array.transpose(self.axes)
        return array if self.shape is None else array.reshape(self.shape)


@dataclass(frozen=True)
class ToKeras:
    """From a parameter's array or tensor to Keras's, which has the shape `shape`."""

    forth: ToTorch
    shape: tuple[int, ...]

    def __call__(self, array: Array) -> Array:
        """Keras's array, a view where that is possible."""
        return array.reshape(self._there()).transpose(self._back()).reshape(self.shape)

    def view(self, parameter: Any) -> Any:
        """Keras's tensor on the memory of the parameter's; `None` where no strides say that order."""
        try:
            return parameter.view(self._there()).permute(self._back()).view(self.shape)
        except RuntimeError:
            return None

    def _there(self) -> tuple[int, ...]:
        parts = self.forth.parts or self.shape
        return tuple(parts[axis] for axis in self.forth.axes)

    def _back(self) -> tuple[int, ...]:
        return tuple(self.forth.axes.index(axis) for axis in range(len(self.forth.axes)))
