"""`anatomy …`, called in this process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from anatomy.bench.cli.main import app


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def result(self) -> Any:
        """What it printed for `--json`."""
        return json.loads(self.out)


def anatomy(*arguments: str, folder: Path, env: Mapping[str, str] | None = None) -> Done:
    """Call a command in a folder, with further environment variables."""
    with chdir(folder):
        ended = CliRunner().invoke(app, list(arguments), env=env, catch_exceptions=False)
    return Done(ended.exit_code, ended.stdout, ended.stderr)
