"""Models as records name them: their shortest text, their row in the zoo, and their counts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import Counts
from anatomy.models import Architecture, format_model, parse_model, zoo

OTHER = "other"


def model_text(model: str, options: Mapping[str, Any]) -> str:
    """The shortest text that builds the model; options that this version does not know are kept as they are."""
    try:
        return format_model(model, options)
    except ValueError:
        # A record may come from a version whose zoo had other names or options.
        return f"{model}:{json.dumps(dict(options), sort_keys=True)}"


def canonical(text: str) -> str:
    """The shortest spelling of a model typed by hand: `vgg:depth=16` is `vgg`.

    Raises:
        ValueError: the zoo has no such model or option.
    """
    spec = parse_model(text)
    return format_model(spec.model, spec.options)


def architecture(model: str) -> Architecture | None:
    """The zoo's row of a case's model; null for a user's model."""
    return next((row for row in zoo() if row.name == model), None)


def family(model: str) -> str:
    """`cnn`, `rnn`, `mlp`, or `other` for a user's model."""
    row = architecture(model)
    return row.family if row else OTHER


def counts_by_model(records: Iterable[Record]) -> dict[str, Counts]:
    """Text of a model → what was counted in it, from records of any mode."""
    return {
        model_text(record.case.model, record.case.options): record.counts
        for record in records
        if record.counts is not None
    }
