"""The suites of docs/what-can-be-measured.md: what people bring is measured, or unsupported for a true reason."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import keras
import pytest

import anatomy.bench as ab
from anatomy.bench.backends.available import installed_backends
from anatomy.bench.records.record import Record
from anatomy.bench.suites.suite import load_suite
from tests.bench.conftest import TESTS
from tests.benchmarks.what_can_be_measured import table
from tests.marks import slow_but

SUITES = TESTS / "benchmarks" / "suites"
BACKENDS = [backend for backend in installed_backends() if backend != "openvino"]
# What a model may be unsupported for: the beginning and the end of the reason.
TRUE_REASONS = {
    "tabular": ("takes strings", "measure it on tensorflow, or move the look-up into the data"),
    "dcgan": ("has no call()", "use --mode train, or name a network of it"),
    "wgan_gp": ("has no call()", "use --mode train, or name a network of it"),
}


def outcomes(suite: str, folder: Path, **axes: Any) -> list[Record]:
    planned = load_suite(str(SUITES / f"{suite}.toml")).model_copy(update=axes)
    return ab.run_suite(planned, out=folder / "run").records


def unexplained(records: list[Record]) -> dict[str, str]:
    """Records that are neither `ok` nor unsupported for a reason that is known to be true."""
    found = {}
    for record in records:
        known = TRUE_REASONS.get(record.case.model.rpartition(":")[2], ("?", "?"))
        true = record.outcome == "unsupported" and known[0] in record.reason and record.reason.endswith(known[1])
        if record.outcome != "ok" and not true:
            found[record.name] = f"{record.outcome}: {record.reason}"
    return found


def test_the_suite_of_applications_has_all_of_them() -> None:
    named = {model.partition(":")[0] for model in load_suite(str(SUITES / "keras_applications.toml")).matrix[0].model}
    found = {f"keras.applications.{name}" for name in dir(keras.applications) if name[0].isupper()}
    assert named == found


@pytest.mark.backends
@pytest.mark.extended
@pytest.mark.parametrize("backend", slow_but(BACKENDS, "jax"))
def test_the_kinds_of_the_keras_examples(backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTS.parent)
    records = outcomes("keras_examples", tmp_path, backend=(backend,), mode=("count", "train"))
    assert not unexplained(records)
    rows = [re.sub(r" \(\d+\)", "", row) for row in table(records)]
    assert f"| tabular | 513; 480 | {'ok' if backend == 'tensorflow' else 'unsupported'} |" in rows
    assert "| dcgan | unsupported | ok |" in rows


@pytest.mark.backends
@pytest.mark.slow
@pytest.mark.parametrize("suite", ["keras_applications", "keras_hub"])
def test_architectures_of_libraries(suite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if suite == "keras_hub":
        pytest.importorskip("keras_hub")
    monkeypatch.chdir(TESTS.parent)
    assert not unexplained(outcomes(suite, tmp_path))
