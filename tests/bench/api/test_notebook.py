"""The notebooks of the documentation run as they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
# Jupyter's own packages warn about their paths and event loops.
pytestmark = [pytest.mark.backends, pytest.mark.extended, pytest.mark.filterwarnings("ignore")]


def outputs_of(name: str, folder: Path) -> dict[str, Any]:
    """Last line of each cell → its outputs, when the notebook was executed in `folder`."""
    notebook = nbformat.read(EXAMPLES / name, as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return {cell.source.splitlines()[-1]: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}


def test_a_text_application_shows_its_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    outputs = outputs_of("text-application.ipynb", tmp_path)
    table = outputs["stages"][-1]["data"]["text/html"]
    assert all(f"<th>{stage}</th>" in table for stage in ("tokenise", "load vectors", "epoch 2", "predict"))
    assert outputs["axes.figure"][-1]["data"]["image/png"]
    assert "validation_accuracy" in outputs["found.epoch_frame()"][-1]["data"]["text/html"]
    assert "(['" in outputs["found.classify([text]), found.keywords(text)"][-1]["data"]["text/plain"]


def test_a_model_is_measured_and_shown(tmp_path: Path) -> None:
    outputs = outputs_of("measure-a-model.ipynb", tmp_path)
    assert outputs["ab.count(model).parameters"][-1]["data"]["text/plain"] == str(32 * 64 + 64 + 64 * 10 + 10)
    assert outputs["record.outcome, record.throughput_examples_per_s, record.step_interval_s"][-1]["data"][
        "text/plain"
    ].startswith("('ok', ")
    table = outputs["run"][-1]["data"]["text/html"]
    assert "mlp" in table
    assert table.count("<td>ok</td>") == 2
    assert (tmp_path / "report.html").stat().st_size > 100_000
