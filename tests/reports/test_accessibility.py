"""What axe-core finds on every kind of page, light and dark, at both widths, with everything opened."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, get_args

import pytest

from anatomy.bench.gpu_trace.recorded_work import HostSpan
from anatomy.bench.gpu_trace.trace_summary import summarise_trace
from anatomy.bench.records.run_store import Run
from anatomy.bench.regression_gate.gate_result import CaseVerdict
from anatomy.reports import write_report
from anatomy.reports.gate.gate_page import render_gate_html
from anatomy.reports.gpu_traces import render_traces
from anatomy.reports.history import render_history
from tests.bench.gpu_trace.hand_made import GEMM, NCCL, traced, work
from tests.bench.history.test_trends import found_in, point
from tests.factories import make_case_result, make_gate_result
from tests.reports.browsing import visit
from tests.reports.profiles.conftest import profiled as profiled

pytest.importorskip("axe_core_python", reason="the checks of accessibility need `pip install axe-core-python`")
EXAMPLES = Path(__file__).parents[2] / "reports" / "examples"
SERIOUS = ("serious", "critical")
# What colours decide; all else is the same in both schemes.
BY_COLOUR = '{type: "rule", values: ["color-contrast", "link-in-text-block"]}'


@pytest.fixture(scope="module")
def pages(big_run: Run, profiled: Run, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    (report,) = write_report([big_run.path], out=folder / "report", pages=False)
    (of_profiles,) = write_report([profiled.path], out=folder / "profiles", pages=True)
    # With links to its cases, in tables and in a drawing.
    (tuned,) = write_report([EXAMPLES / "tuned"], out=folder / "tuned", pages=True)
    (talk,) = write_report([big_run.path], ["talk"], folder / "talk")
    gate, history = folder / "gate.html", folder / "history.html"
    verdicts: tuple[CaseVerdict, ...] = get_args(CaseVerdict)
    gate.write_text(render_gate_html(make_gate_result(*(make_case_result(v, n) for n, v in enumerate(verdicts)))))
    levels = [found_in([point(n, 0.01 if n < 6 else step) for n in range(12)]) for step in (0.01, 0.02)]
    history.write_text(render_history(levels, "mine"))
    case = next((folder / "profiles" / "cases").iterdir())
    trace = folder / "trace.html"
    pieces = [work(GEMM, 0, 900, launch=0), work(NCCL, 500, 2000, "20", launch=9), work(GEMM, 3000, 3500, launch=2500)]
    steps = [HostSpan("step", "1", "main", 0, 2200), HostSpan("step", "2", "main", 2200, 4000)]
    trace.write_text(render_traces([summarise_trace(traced(pieces, steps), "trace.json")]))
    found = {
        "report": report,
        "profiles": of_profiles,
        "talk": talk,
        "gate": gate,
        "history": history,
        "case": case,
        "tuned": tuned,
    }
    return {**found, "trace": trace}


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["report", "profiles", "tuned", "talk", "gate", "history", "case", "trace"])
def test_nothing_serious_is_found(browser: Any, pages: dict[str, Path], name: str, scheme: str) -> None:
    for width in (1280, 390):
        visit(browser, pages[name], width, scheme)
        browser.execute_script("for (const fold of document.querySelectorAll('details')) fold.open = true;")
        browser.execute_script(resources.files("axe_core_python").joinpath("axe.min.js").read_text())
        rules = f", runOnly: {BY_COLOUR}" if scheme == "dark" else ""
        options = f"{{resultTypes: ['violations']{rules}}}"
        found = browser.execute_async_script(
            f"const done = arguments[0]; axe.run({options}).then((r) => done(r.violations));"
        )
        said = [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in SERIOUS]
        assert said == [], width
