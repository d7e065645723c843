"""Attribute the difference of a case that failed to layers, from a profile of each side."""

from __future__ import annotations

from collections.abc import Callable

from anatomy.bench.errors.anatomy_error import SetupError, UsageError
from anatomy.bench.profiling.explanation import explain
from anatomy.bench.records.case_profile import Profile
from anatomy.bench.regression_gate.gate_result import SIDES, CaseResult, SideName


def explain_failure(result: CaseResult, profile: Callable[[SideName], Profile]) -> CaseResult:
    """Add the layers that account for a slower step, or why they are not known; other results stay as they are.

    Args:
        result: of a case.
        profile: profiles the case on a side.
    """
    step = result.metric("step")
    if step is None or step.verdict != "FAIL":
        return result
    # The pairs know the step time far better than the traced process does.
    measured = (step.base, step.candidate) if step.base is not None and step.candidate is not None else None
    try:
        base, candidate = (profile(name) for name in SIDES)
        return result.model_copy(update={"explanation": explain(base, candidate, measured, SIDES)})
    except (SetupError, UsageError) as error:
        return result.model_copy(update={"not_explained": str(error)})
