"""The gate's result as SARIF 2.1.0, for code scanning (https://docs.oasis-open.org/sarif/sarif/v2.1.0/)."""

from __future__ import annotations

import json
from importlib import metadata
from typing import Any

from anatomy.bench.regression_gate.gate_result import CaseResult, GateResult
from anatomy.reports.gate.gate_rows import LABELS
from anatomy.reports.gate.junit import case_figures

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"FAIL": "error", "ERROR": "error", "INCONCLUSIVE": "warning", "NEW": "note"}
_RULES = {
    "regression": "A figure of a case grew by more than its policy tolerates, or the case is gone.",
    "not-measured": "A case could not be measured on both sides.",
    "not-known": "The pairs of processes did not suffice for a verdict.",
    "new-case": "The base lacks this case.",
}
_RULE_OF = {"FAIL": "regression", "ERROR": "not-measured", "INCONCLUSIVE": "not-known", "NEW": "new-case"}


def render_sarif(result: GateResult) -> str:
    """Render one SARIF run with a result for each case that did not pass."""
    rules = [{"id": name, "shortDescription": {"text": text}} for name, text in _RULES.items()]
    driver = {"name": "anatomy", "semanticVersion": metadata.version("keras-anatomy"), "rules": rules}
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "results": [_result(case) for case in result.cases if case.verdict != "PASS"],
        "columnKind": "unicodeCodePoints",
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _result(case: CaseResult) -> dict[str, Any]:
    text = f"{case.name}: {case.reason}"
    details = case_figures(case)
    return {
        "ruleId": _RULE_OF[case.verdict],
        "level": _LEVELS[case.verdict],
        "message": {"text": f"{text}\n{details}" if details else text},
        "partialFingerprints": {"anatomyCase/v1": case.case.key},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": location(case)}}}],
        "properties": {LABELS[m.metric]: m.change for m in case.metrics if m.change is not None},
    }


def location(case: CaseResult) -> str:
    """Return the file that defines a user's model; `pyproject.toml` for models of the zoo and of modules."""
    place = case.case.model.partition(":")[0]
    return place if place.endswith(".py") else "pyproject.toml"
