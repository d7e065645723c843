"""The notebook of the documentation runs as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

NOTEBOOK = Path(__file__).parents[3] / "docs" / "examples" / "measure-a-model.ipynb"


@pytest.mark.backends
# Jupyter's own packages warn about their paths and event loops.
@pytest.mark.extended
@pytest.mark.filterwarnings("ignore")
def test_it_runs_and_shows_its_results(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = {cell.source.splitlines()[-1]: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}
    assert outputs["ab.count(model).parameters"][-1]["data"]["text/plain"] == str(32 * 64 + 64 + 64 * 10 + 10)
    assert outputs["record.outcome, record.throughput_examples_per_s, record.step_interval_s"][-1]["data"][
        "text/plain"
    ].startswith("('ok', ")
    table = outputs["run"][-1]["data"]["text/html"]
    assert "mlp" in table
    assert table.count("<td>ok</td>") == 2
    assert (tmp_path / "report.html").stat().st_size > 100_000
