"""`profiles.jsonl` read back: damage and a newer format are errors that say what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from anatomy.bench.cli.main import app
from anatomy.bench.errors import exit_codes
from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.case_profile import PROFILES_FILE, append_profile, read_profiles
from tests.factories import nested_profile

NEWER = '{"schema_version": 99, "what_is_new": 1}\n'


def kept(folder: Path, more: str) -> Path:
    """A folder with a profile, and what else is written into its file."""
    append_profile(folder, nested_profile())
    with (folder / PROFILES_FILE).open("a") as file:
        file.write(more)
    return folder


@pytest.mark.parametrize("line", ["not json", "3", "{}", '{"schema_version": 1}', '{"schema_version": 1, "cas'])
def test_damage_names_file_line_and_remedy(tmp_path: Path, line: str) -> None:
    with pytest.raises(UsageError, match=r"profiles\.jsonl, line 2 is not a profile: .*delete the line"):
        read_profiles(kept(tmp_path, f"{line}\n"))


def test_a_newer_format_says_upgrade(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"line 2 has schema_version 99; this Anatomy reads 1 to \d+: upgrade"):
        read_profiles(kept(tmp_path, NEWER))


@pytest.mark.parametrize(("line", "what"), [("not json\n", "line 2 is not a profile"), (NEWER, "upgrade")])
def test_explain_ends_with_the_error_alone(tmp_path: Path, line: str, what: str) -> None:
    said = CliRunner().invoke(app, ["explain", "a", "b", "--run", str(kept(tmp_path, line))])
    assert said.exit_code == exit_codes.USAGE
    assert said.output.startswith("anatomy explain: ")
    assert what in said.output
