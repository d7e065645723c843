"""The base of Anatomy's stored and exchanged types."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Immutable values, validated where they enter; a field that the type does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
