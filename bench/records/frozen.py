"""The bases of Anatomy's stored and exchanged types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator


class Frozen(BaseModel):
    """Immutable values, validated where they enter; a field that the type does not know, or NaN, is an error.

    Infinity is an error, too: JSON has neither, but a number such as 1e999 that no float holds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FrozenWithComputedFields(Frozen):
    """A frozen type whose computed fields are written to JSON for its readers, and computed anew when it is read."""

    @model_validator(mode="before")
    @classmethod
    def _drop_computed(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        computed = cls.model_computed_fields
        return {name: value for name, value in data.items() if name not in computed}

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with some fields replaced, whose computed fields are computed anew."""
        copied = super().model_copy(update=update, deep=deep)
        if update:
            for name in copied.__dict__.keys() - type(self).model_fields:
                del copied.__dict__[name]
        return copied
