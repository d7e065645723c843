"""A side of a comparison: where its code is, what runs it, and in which settings."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.case import Case
from anatomy.bench.regression_gate.gate_result import SideName
from anatomy.bench.runner.import_origin import Origin

# Fields of a case that a side may change; another model, mode or batch size is another case.
SETTINGS = ("backend", "dtype", "jit")


@dataclass(frozen=True)
class Side:
    """One side.

    Attributes:
        what: in words, e.g. `origin/main (1a2b3c4)`.
        directory: where its workers run.
        commit: the commit that is checked out there; None where the side is no commit.
        python: the interpreter that runs its workers.
        environment: variables to set for its processes.
        settings: fields of a case that the side changes.
        origin: the checkout that its code must come from; None where both sides share one.
        note: what a reader of the result must know of it; empty for nothing.
    """

    name: SideName
    what: str
    directory: Path
    commit: str | None = None
    python: str = sys.executable
    environment: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    origin: Origin | None = None
    note: str = ""

    def case(self, planned: Case) -> Case:
        """A case as this side runs it.

        Raises:
            UsageError: a setting has a value that its axis does not have.
        """
        try:
            return Case.model_validate(planned.fields() | dict(self.settings))
        except ValidationError as error:
            first = error.errors()[0]
            raise UsageError(f"--candidate {first['loc'][0]}: {first['msg']} (got {first['input']!r})") from error

    def with_settings(self, given: Sequence[str]) -> Side:
        """This side with changed settings: `jit=on`, `dtype=mixed_bfloat16`, `backend=torch`, `env:NAME=VALUE`.

        Raises:
            UsageError: another setting is given.
        """
        settings, environment = dict(self.settings), dict(self.environment)
        for text in given:
            name, sign, value = text.partition("=")
            if sign and name.startswith("env:") and len(name) > len("env:"):
                environment[name.removeprefix("env:")] = value
            elif sign and value and name in SETTINGS:
                settings[name] = value
            else:
                raise UsageError(
                    f"--candidate {text}: expected {', '.join(f'{known}=…' for known in SETTINGS)} or env:NAME=…;"
                    " another model, mode or batch size is another case, and its time says nothing of this one"
                )
        said = f"{self.what} with {', '.join(given)}" if given else self.what
        return replace(self, settings=settings, environment=environment, what=said)
