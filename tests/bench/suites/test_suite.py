"""Suites: what is accepted, and what the errors say."""

from __future__ import annotations

from pathlib import Path

import pytest

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.suites.suite import Suite, built_in_suites, load_suite


def write(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", built_in_suites())
def test_built_in_suites_load(name: str) -> None:
    suite = load_suite(name)
    assert suite.name == name
    assert suite.description
    assert suite.matrix


def test_single_values_are_lists(tmp_path: Path) -> None:
    suite = load_suite(write(tmp_path, 'mode = "train"\n[[matrix]]\nmodel = "mlp"\nbatch_size = 4\n'))
    assert suite.name == "mine"
    assert suite.mode == ("train",)
    assert suite.matrix[0].model == ("mlp",)
    assert suite.matrix[0].batch_size == (4,)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('modes = ["train"]', ["unknown key 'modes'", "did you mean 'mode'?"]),
        (
            '[[matrix]]\nmodel = "mlp"\nbatchsize = 3',
            ["matrix.0: unknown key 'batchsize'", "'batch_size'?"],
        ),
        ('mode = ["trian"]', ["mode.0", "'trian'", "did you mean 'train'?"]),
        (
            '[[matrix]]\nmodel = "mlp"\nbackend = "tensorflw"',
            ["matrix.0.backend.0", "did you mean 'tensorflow'?"],
        ),
        (
            '[[matrix]]\nmodel = "mlp"\nbatch_size = 0',
            ["matrix.0.batch_size.0", "greater than or equal to 1"],
        ),
        ('dtype = "float31"', ["dtype", "mixed_bfloat16", "float31"]),
        ("seconds = -1", ["seconds", "greater than 0"]),
        ("[[matrix]]\nbatch_size = 1", ["matrix.0.model", "required"]),
        ("name = ", ["not valid TOML"]),
    ],
)
def test_mistakes_name_file_key_and_remedy(tmp_path: Path, text: str, expected: list[str]) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        load_suite(path)
    message = str(caught.value)
    for part in (path, *expected):
        assert part in message


def test_unknown_suite_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'quick'"):
        load_suite("quik")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        load_suite(str(tmp_path / "none.toml"))


def test_suite_of_a_project(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[[tool.anatomy.suites.ours.matrix]]\nmodel = "lstm"\n')
    suite = load_suite("ours", tmp_path)
    assert isinstance(suite, Suite)
    assert suite.matrix[0].model == ("lstm",)
