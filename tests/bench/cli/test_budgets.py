"""Options out of their bounds, and places that cannot be written, end with 2 and a sentence before anything is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import anatomy

CANDIDATE = ("--candidate", "jit=on")
NO_NUMBERS = ("0", "-1", "nan", "inf", "-inf")
BUDGETS = {
    ("run", "mlp", "--seconds"): NO_NUMBERS,
    ("run", "mlp", "--steps"): ("1", "0", "-5", "99999999999999999999"),
    ("run", "mlp", "--target"): (*NO_NUMBERS, "1"),
    ("run", "mlp", "--processes"): ("0", "-1", "99999999999999999999"),
    ("run", "mlp", "--timeout"): NO_NUMBERS,
    ("run", "mlp", "--memory-limit"): ("0", "0.5", "much", "-1", "nan", "99999999999TiB"),
    ("run", "mlp", "--batch-size"): ("0", "-1", "1.5", "nan", "99999999999999999999"),
    ("run", "mlp", "--devices"): ("0", "-1", "99999999999999999999"),
    ("profile", "mlp", "--seconds"): NO_NUMBERS,
    ("profile", "mlp", "--timeout"): NO_NUMBERS,
    ("gate", "mlp", *CANDIDATE, "--minutes"): NO_NUMBERS,
    ("gate", "mlp", *CANDIDATE, "--timeout"): NO_NUMBERS,
    ("gate", "mlp", *CANDIDATE, "--memory-limit"): ("0", "nan"),
    ("tune", "mlp", "--minutes"): ("0", "-1", "nan"),
    ("tune", "mlp", "--min-batch"): ("0", "-1"),
    # 0 takes the fewest pairs of processes.
    ("compare-frameworks", "mlp", "--minutes"): NO_NUMBERS[1:],
    ("compare-frameworks", "mlp", "--target"): NO_NUMBERS,
    ("app", "lifecycle", "mlp", "--timeout"): NO_NUMBERS,
    ("app", "lifecycle", "mlp", "--processes"): ("0", "-1", "99999999999999999999"),
    ("app", "lifecycle", "mlp", "--batches"): ("0", "-1"),
}


@pytest.mark.parametrize("command", BUDGETS, ids=" ".join)
def test_a_budget_out_of_bounds_is_2(tmp_path: Path, command: tuple[str, ...]) -> None:
    for value in BUDGETS[command]:
        done = anatomy(*command, value, folder=tmp_path)
        assert (done.code, len(done.err.splitlines())) == (2, 1), f"{value}: {done}"
        assert done.err.startswith(f"anatomy {command[0]}: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/below", "/sys/below"])
@pytest.mark.parametrize("command", ["run", "profile", "tune", "compare-frameworks"])
def test_a_place_that_cannot_be_written_is_2(tmp_path: Path, command: str, place: str) -> None:
    (tmp_path / "file").touch()
    done = anatomy(command, "mlp", "--out", place, folder=tmp_path)
    assert (done.code, len(done.err.splitlines())) == (2, 1), done
    assert place.partition("/below")[0] in done.err
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
