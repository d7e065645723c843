"""The two sides of a comparison: where the code of each lies, what runs it, and in which settings."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.case import Case
from anatomy.bench.regression_gate.side_names import SideName
from anatomy.bench.runner.import_origin import Origin

# What a side may change of a case. Other models, modes and batch sizes are other cases.
SETTINGS = ("backend", "dtype", "jit")


@dataclass(frozen=True)
class Side:
    """One side.

    Attributes:
        what: for people, e.g. `origin/main (1a2b3c4)`.
        commit: where it is a revision.
        directory: its project, where its workers run.
        environment: variables to set for its processes.
        settings: fields of a case that it has of its own.
        origin: the tree of its own, where the other side has another.
    """

    name: SideName
    what: str
    directory: Path
    commit: str | None = None
    python: str = sys.executable
    environment: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    origin: Origin | None = None

    def case(self, planned: Case) -> Case:
        """The planned case as this side runs it.

        Raises:
            UsageError: a setting is not one of its axis.
        """
        try:
            return Case.model_validate(planned.fields() | dict(self.settings))
        except ValidationError as error:
            first = error.errors()[0]
            raise UsageError(f"--candidate {first['loc'][0]}: {first['msg']} (got {first['input']!r})") from error

    def with_settings(self, given: Sequence[str]) -> Side:
        """This side with settings of its own: `jit=on`, `dtype=mixed_bfloat16`, `backend=torch`, `env:NAME=VALUE`.

        Raises:
            UsageError: anything else.
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
