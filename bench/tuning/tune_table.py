"""The project's own settings of a search: `[tool.anatomy.tune]` in `pyproject.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationError, model_validator

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.machine.pyproject import read_pyproject
from anatomy.bench.records.frozen import Frozen
from anatomy.bench.suites.suite import validation_message

TUNE_TABLE = "pyproject.toml [tool.anatomy.tune]"
_Names = Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]


class TuneTable(Frozen):
    """`[tool.anatomy.tune]`: what the options of `anatomy tune` are where they are not given; see `plan_tuning`.

    Attributes:
        goal: may be written `for`, as the option is.
        backend, dtype: one or several.
    """

    goal: str | None = None
    mode: str | None = None
    max_latency: str | None = None
    max_memory: str | None = None
    min_batch: int | None = None
    batch_size: int | None = None
    backend: _Names | None = None
    dtype: _Names | None = None
    frameworks: bool | None = None
    minutes: float | None = None
    tolerance: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _goal_as_the_option(cls, data: Any) -> Any:
        return {"goal" if name == "for" else name: value for name, value in data.items()}

    def arguments(self) -> dict[str, Any]:
        """What is given, as arguments of `plan_tuning`."""
        names = {"backend": "backends", "dtype": "dtypes"}
        return {names.get(name, name): value for name, value in self.model_dump(exclude_none=True).items()}


def read_tune_table(directory: Path) -> TuneTable:
    """Read the table in a directory; empty where there is none.

    Raises:
        UsageError: `pyproject.toml` is damaged, or a key or a value is not one of the table.
    """
    data = read_pyproject(directory).tool.anatomy.tune
    try:
        return TuneTable.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        raise UsageError(validation_message(TUNE_TABLE, found, {"": TuneTable})) from error
