"""The way of one case leads down the layers; what leads up is news, or a function that was handed down."""

from __future__ import annotations

import pytest

from tests.architecture.case_path import CASE, leads_up, record_calls
from tests.architecture.import_graph import ROOT, floors, read_imports, with_contract

NEWS = {"Display.begin", "Display.phase", "RunDisplay.end", "listen", "emit"}
# `call`: Keras's layers draw their weights by it. `excess`: of change points, called only for a series that has some.
# `imported`: begins to count the model's memory. `options`: of all commands, called by their group. `outputs`: of the
# step, for its last weights scaled down. `_complaint`: of a line that is read. `__len__`: of a record's blocks, whose
# rates are computed. `_start`: of a fork server, when one is asked for. `disturbed`: news, on a busy machine alone.
HANDED_DOWN = {"call", "excess", "imported", "options", "outputs"}
HANDED_DOWN |= {"_complaint", "_Blocks.__len__", "Session._start", "RunDisplay.disturbed"}
# Keras's calls are handed to the counter's interpreter, and to its subclass that follows the inputs.
VISITS = tuple(f"{kind}.{name}" for kind in ("Interpreter", "UseTrace") for name in ("visit_", "call_unvisited"))


@pytest.mark.backends
def test_no_step_of_a_case_leads_up() -> None:
    imports = read_imports(ROOT)
    layer = floors(with_contract(imports))
    processes = record_calls(ROOT, CASE)
    assert [process for process, _ in processes] == ["command", "fork server", "worker"]
    up = [
        call
        for _, calls in processes
        for call in calls
        if call.callee.startswith("anatomy.bench.") and leads_up(call, imports, layer)
    ]
    names = {call.callee_function.rpartition("<locals>.")[2] for call in up} - HANDED_DOWN
    assert {name for name in names if not name.startswith(VISITS)} == NEWS
