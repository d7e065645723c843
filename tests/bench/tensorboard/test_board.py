"""A real TensorBoard has every case by its readable name: its trace, scalars, row and graph."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bench.tensorboard.conftest import BACKENDS, Board
from tests.bench.tensorboard.traces import STEPS

pytestmark = pytest.mark.backends

# An operation of each trace, as xprof's trace viewer names it.
OPERATIONS = {"tensorflow": "Relu", "jax": "wrapped_tanh", "torch": "aten::relu"}
# What xprof has rows for: on a CPU, not what XLA has compiled.
COUNTED = {"tensorflow": {"Relu", "Sum"}, "jax": set(), "torch": {"mm", "relu", "sum"}}


def test_each_case_is_a_run_of_the_profile_tab_by_its_short_name(board: Board) -> None:
    shown = sorted(name.rpartition("·")[0] for name in board.names.values())
    assert shown == [f"vgg·{backend}·train·b8" for backend in sorted(BACKENDS)]
    assert sorted(board.get("profile/runs")) == sorted(f"{name}/trace" for name in board.names.values())


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_trace_viewer_has_steps_and_operations(board: Board, backend: str) -> None:
    tools = board.get("profile/run_tools", run=f"{board.names[backend]}/trace")
    assert {"trace_viewer@", "overview_page"} <= set(tools)
    events = board.tool(backend, "trace_viewer@")["traceEvents"]
    names = [event.get("name") for event in events if event.get("ph") == "X"]
    assert names.count(OPERATIONS[backend]) == STEPS
    assert {f"step {number}" for number in range(STEPS)} <= set(names)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_overview_has_the_time_of_each_step(board: Board, backend: str) -> None:
    steps = rows(board.tool(backend, "overview_page")[1])
    assert [row["stepnum"] for row in steps] == [f"step {number}" for number in range(STEPS)]
    assert all(row["hostComputeTimeMs"] > 0 for row in steps)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_table_of_operations_has_those_of_the_framework(board: Board, backend: str) -> None:
    found = {row["type"]: row["occurrences"] for row in rows(board.tool(backend, "framework_op_stats")[1])}
    assert COUNTED[backend] <= set(found)
    assert found or backend == "jax"
    assert all(found[name] % STEPS == 0 for name in COUNTED[backend])


def test_scalars_are_there_for_each_case(board: Board) -> None:
    tags = board.get("scalars/tags")
    assert set(tags) == set(board.names.values())
    for name in tags:
        assert {"steps/step time (s)", "blocks/throughput (examples per s)", "summary/step time (s)"} <= set(tags[name])
        points = board.get("scalars/scalars", run=name, tag="steps/step time (s)")
        assert [(step, value) for _, step, value in points] == [(n, pytest.approx(0.088)) for n in range(5)]


def test_each_case_is_a_row_of_hparams(board: Board) -> None:
    columns = board.post("hparams/experiment", experimentName="")
    assert {info["name"] for info in columns["hparamInfos"]} == {"model", "mode", "backend", "batch size", "dtype"}
    answer = board.post(
        "hparams/session_groups",
        experimentName="",
        allowedStatuses=["STATUS_SUCCESS"],
        colParams=[{"hparam": "backend"}],
        startIndex=0,
        sliceSize=100,
    )
    found = {group["hparams"]["backend"]: group for group in answer["sessionGroups"]}
    assert {backend: group["name"] for backend, group in found.items()} == board.names
    for group in found.values():
        metrics = {value["name"]["tag"]: value["value"] for value in group["metricValues"]}
        assert metrics["summary/throughput (examples per s)"] == 100


def test_tensorflow_has_a_graph(board: Board) -> None:
    assert list(board.get("graphs/info")) == [board.names["tensorflow"]]


def rows(table: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of a table of the Google Charts API as xprof answers it."""
    names = [column["id"] for column in table["cols"]]
    return [dict(zip(names, [cell.get("v") for cell in row["c"]], strict=True)) for row in table["rows"]]
