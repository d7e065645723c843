"""Models of records: their shortest text, their architecture in the zoo, and their counts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any

from anatomy.bench.records.case import Case
from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import Counts
from anatomy.models import Architecture, format_model, parse_model, zoo


def model_text(model: str, options: Mapping[str, Any]) -> str:
    """Return the shortest text that builds the model; options that this version does not know are kept."""
    # With the order of the options, in which they are written.
    return _model_text(model, json.dumps(dict(options)))


def case_text(case: Case) -> str:
    """Return the shortest text that builds the model of a case."""
    return _model_text(case.model, case.options_as_given)


@lru_cache(maxsize=65536)
def _model_text(model: str, options: str) -> str:
    given = json.loads(options)
    try:
        return format_model(model, given)
    except ValueError:
        # A record may come from a version whose zoo had other names or options.
        return f"{model}:{json.dumps(given, sort_keys=True)}"


def canonical_text(text: str) -> str:
    """Return the shortest spelling of a model's text: `vgg` for `vgg:depth=16`.

    Raises:
        ValueError: the zoo has no such model or option.
    """
    spec = parse_model(text)
    return format_model(spec.model, spec.options)


def architecture_of(model: str) -> Architecture | None:
    """Return the architecture of a case's model in the zoo; `None` for a user's model."""
    return next((row for row in zoo() if row.name == model), None)


@cache
def family_of(model: str) -> str:
    """Return `cnn`, `rnn`, `mlp`, or `other` for a user's model."""
    row = architecture_of(model)
    return row.family if row else "other"


def counts_by_model(records: Iterable[Record]) -> dict[str, Counts]:
    """Return the counts of each model by its text, from records of any mode."""
    return {case_text(record.case): record.counts for record in records if record.counts is not None}
