"""The gate's result on GitHub: annotations on the log, and the summary of the job.

Workflow commands as in https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from anatomy.bench.regression_gate.gate_result import GateResult
from anatomy.reports.gate.gate_comment import render_gate_markdown
from anatomy.reports.gate.sarif import location

_COMMANDS = {"FAIL": "error", "ERROR": "error", "INCONCLUSIVE": "warning", "NEW": "notice"}


def workflow_commands(result: GateResult) -> list[str]:
    """Return a workflow command for each case that did not pass."""
    return [
        f"::{_COMMANDS[case.verdict]} file={_property(location(case))},title={_property(f'{case.verdict} {case.name}')}"
        f"::{_data(case.reason)}"
        for case in result.cases
        if case.verdict in _COMMANDS
    ]


def publish_on_github(result: GateResult, environment: Mapping[str, str]) -> list[str]:
    """Add the result to the job's summary, and return the lines that annotate the log; elsewhere do nothing.

    Args:
        environment: environment variables, of which `GITHUB_ACTIONS` and `GITHUB_STEP_SUMMARY` are read.
    """
    file = environment.get("GITHUB_STEP_SUMMARY")
    if file:
        with Path(file).open("a", encoding="utf-8") as summary:
            summary.write(render_gate_markdown(result))
    return workflow_commands(result) if environment.get("GITHUB_ACTIONS") == "true" else []


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
