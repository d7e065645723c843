"""The project's own settings of the gate: `[tool.anatomy.gate]` in `pyproject.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.machine.pyproject import read_pyproject
from anatomy.bench.records.frozen import Frozen
from anatomy.bench.suites.suite import Exclusion, validation_message

GATE_TABLE = "pyproject.toml [tool.anatomy.gate]"


class CaseRules(Exclusion):
    """An entry of `case`: the keys of an exclude choose the cases, `tolerate` has their rules."""

    tolerate: dict[str, Any] = Field(default_factory=dict)


class GateTable(Frozen):
    """`[tool.anatomy.gate]`.

    Attributes:
        minutes: time of a comparison, of which pairs take 85 % at most; None for as many pairs as the verdicts need.
        install: arguments of `pip install` for a base with other dependencies; None for what the base declares.
        tolerate: metric, or `mode.metric` → rule.
        case: rules for some cases.
    """

    minutes: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)] | None = None
    install: list[str] | None = None
    tolerate: dict[str, Any] = Field(default_factory=dict)
    case: list[CaseRules] = Field(default_factory=list)


def read_gate_table(directory: Path) -> GateTable:
    """Read the gate's table in a directory; the defaults where there is none.

    Raises:
        UsageError: `pyproject.toml` is damaged, or a key or a value is not one of the table.
    """
    data = read_pyproject(directory).tool.anatomy.gate
    try:
        return GateTable.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        raise UsageError(validation_message(GATE_TABLE, found, {"": GateTable, "case": CaseRules})) from error
