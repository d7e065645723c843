"""The gate's result as JUnit XML: a test case for each case, for CI systems that show which one failed.

Elements and attributes as in https://github.com/testmoapp/junitxml, which GitLab and Jenkins read.
"""

from __future__ import annotations

from xml.etree import ElementTree

from anatomy.bench.errors.printable import printable
from anatomy.bench.regression_gate.gate_result import CaseResult, GateResult
from anatomy.reports.gate.gate_rows import explanation_sentences, gate_summary, metric_sentence

# A failure is a regression, an error a case without figures. An inconclusive case is an error, never a success.
_ELEMENTS = {"FAIL": "failure", "ERROR": "error", "INCONCLUSIVE": "error"}


def render_junit(result: GateResult) -> str:
    """Render one `testsuite` with a `testcase` per case."""
    suite = ElementTree.Element(
        "testsuite",
        name=_clean(f"anatomy gate {result.suite}"),
        tests=str(len(result.cases)),
        failures=str(result.count("FAIL")),
        errors=str(result.count("ERROR") + result.count("INCONCLUSIVE")),
        skipped=str(result.count("NEW")),
        time=f"{result.seconds:.3f}",
        timestamp=result.started_at,
    )
    for case in result.cases:
        suite.append(_test_case(case))
    ElementTree.SubElement(suite, "system-out").text = _clean("\n".join([gate_summary(result), *result.notes]))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _test_case(case: CaseResult) -> ElementTree.Element:
    element = ElementTree.Element(
        "testcase", classname=_clean(f"anatomy.{case.case.model}"), name=_clean(case.name), time=f"{case.seconds:.3f}"
    )
    if case.verdict in _ELEMENTS:
        child = ElementTree.SubElement(element, _ELEMENTS[case.verdict], message=_clean(case.reason), type=case.verdict)
        child.text = _clean(case_figures(case))
    elif case.verdict == "NEW":
        ElementTree.SubElement(element, "skipped", message=_clean(case.reason))
    ElementTree.SubElement(element, "system-out").text = _clean(case_figures(case))
    return element


def case_figures(case: CaseResult) -> str:
    """Return a line for each figure of a case, and for each layer that accounts for a slower step."""
    lines = [
        f"{metric.verdict} {metric_sentence(metric)}" + (f" ({metric.reason})" if metric.reason else "")
        for metric in case.metrics
    ]
    return "\n".join([*lines, *explanation_sentences(case)])


def _clean(text: str) -> str:
    """Escape control characters: XML 1.0 cannot hold them (https://www.w3.org/TR/xml/#charsets)."""
    return printable(text)
