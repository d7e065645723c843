"""Which cases are compared: each through Keras, and in its framework's own layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from anatomy.bench.backends.available import unsupported_reason
from anatomy.bench.errors.anatomy_error import NothingSelectedError, UsageError
from anatomy.bench.native.translation import FRAMEWORKS, Framework
from anatomy.bench.records.case import Case, NativeBackend
from anatomy.models.suggestion import unknown_name

NATIVE: Mapping[str, NativeBackend] = {
    "tensorflow": "native-tensorflow",
    "jax": "native-jax",
    "torch": "native-torch",
}
MODES = ("train", "infer")


class ComparedPair(NamedTuple):
    """A case through Keras, and the same in the framework's own layers."""

    keras: Case
    native: Case

    @property
    def framework(self) -> str:
        """The framework of both."""
        return self.keras.backend

    def unsupported_reason(self) -> str | None:
        """Why one of the two cannot run on this machine; `None` if both can."""
        return unsupported_reason(self.keras) or unsupported_reason(self.native)


def compared_pairs(cases: Sequence[Case]) -> list[ComparedPair]:
    """The pairs of a plan's cases on Keras backends that have a framework of their own.

    Raises:
        NothingSelectedError: there is none.
    """
    keras = [case for case in cases if case.mode in MODES and case.backend in NATIVE]
    pairs = [ComparedPair(case, in_own_layers(case)) for case in keras]
    if not pairs:
        raise NothingSelectedError(f"nothing to compare: frameworks are compared in the modes {', '.join(MODES)}")
    return pairs


def in_own_layers(case: Case) -> Case:
    """The case of the same model in its framework's own layers."""
    return Case.model_validate(case.fields() | {"backend": NATIVE[case.backend]})


def chosen_frameworks(given: Sequence[str] | None) -> list[Framework]:
    """Frameworks by name; all where none is given.

    Raises:
        UsageError: one of them is not known.
    """
    names = [part.strip() for text in given or () for part in text.split(",") if part.strip()]
    for name in names:
        if name not in FRAMEWORKS:
            raise UsageError(unknown_name("--frameworks", name, FRAMEWORKS))
    return [framework for framework in FRAMEWORKS if not names or framework in names]
