"""A builder that is a method of a class."""

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class UserMethod:
    """A method that builds a model: each call makes an instance, sets it up as pytest or unittest would, and calls it.

    Of pytest `setup_class` and `setup_method` are called, of `unittest.TestCase` also `setUpClass` and `setUp`. Nothing
    is torn down: the model must outlive the call.

    Attributes:
        owner: the class.
        name: of the method.
    """

    owner: type
    name: str

    def __call__(self, **options: Any) -> Any:
        """What the method returns for these options."""
        of_unittest = _is_test_case(self.owner)
        if of_unittest:
            _call_set_up(self.owner, "setUpClass")
        _call_set_up(self.owner, "setup_class", self.owner)
        instance = self.owner(self.name) if of_unittest else self.owner()
        method = getattr(instance, self.name)
        if of_unittest:
            _call_set_up(instance, "setUp")
        _call_set_up(instance, "setup_method", method)
        return method(**options)


def as_method(owner: Any, name: str) -> Callable[..., Any] | None:
    """The attribute as a method that needs an instance; `None` where it needs none, or `owner` is no class."""
    if not inspect.isclass(owner) or inspect.isclass(getattr(owner, name)):
        return None
    if isinstance(inspect.getattr_static(owner, name), staticmethod | classmethod):
        return None
    return UserMethod(owner, name)


def _is_test_case(owner: type) -> bool:
    """Only a module that has imported unittest can have such a class."""
    unittest = sys.modules.get("unittest")
    return unittest is not None and issubclass(owner, unittest.TestCase)


def _call_set_up(holder: Any, name: str, *argument: Any) -> None:
    """Call a set-up function where there is one; it gets the argument if it takes one, as in pytest."""
    function = getattr(holder, name, None)
    # A fixture of this name is none.
    if inspect.isroutine(function):
        function(*argument[: len(inspect.signature(function).parameters)])
