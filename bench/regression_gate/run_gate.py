"""The gate as one call: compare the cases of a request on both sides."""

from __future__ import annotations

from anatomy.bench.regression_gate.gate_request import GateRequest
from anatomy.bench.regression_gate.gate_result import GateResult, missing_case
from anatomy.bench.regression_gate.gate_session import GateSession
from anatomy.bench.regression_gate.paired_comparison import Listener
from anatomy.bench.suites.find_models import require_models

# A candidate of this setting finds modules that this process does not.
_MODULES_ELSEWHERE = "env:PYTHONPATH="


def run_gate(request: GateRequest, listener: Listener | None = None) -> GateResult:
    """Compare the cases that a request selects; the result is also in `gate.json` in the request's folder.

    Args:
        request: what is to be compared; with a selection.
        listener: called after each pair.

    Raises:
        UsageError: it cannot be compared as asked, or the candidate lacks a model.
        SetupError: a side could not be set up.
    """
    if request.selection is not None and not any(_MODULES_ELSEWHERE in setting for setting in request.candidate):
        # Before the sides are set up, which can take minutes.
        require_models(request.selection.cases(request.directory), request.directory)
    with GateSession(request, listener) as session:
        inventory = session.inventory()
        session.judge(inventory.common)
        session.add(missing_case(*entry, request.allow_new) for entry in inventory.missing.values())
        return session.finish()
