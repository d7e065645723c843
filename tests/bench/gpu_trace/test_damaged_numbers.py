"""Numbers of a trace that are none: a sentence, or a card without a name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.gpu_trace.read_gpu_trace import read_gpu_trace

STRANGE = ["=1+1", "", " ", float("inf"), float("nan"), "1e999", [], {}, None, True, 10**400, "9" * 5000]


def trace_of(card: Any, stream: Any) -> str:
    kernel = {"ph": "X", "cat": "kernel", "name": "k", "pid": 0, "tid": 7, "ts": 10.0, "dur": 5.0}
    kernel["args"] = {"stream": stream, "correlation": 1, "device": 0}
    head = {"deviceProperties": [{"id": card, "name": "H200"}], "distributedInfo": {"rank": card, "world_size": card}}
    return json.dumps({**head, "traceEvents": [kernel]})


def read_or_sentence(path: Path) -> bool:
    """Whether a trace is read, or refused by a sentence that names its file."""
    try:
        return bool(read_gpu_trace(path).work)
    except UsageError as error:
        return path.name in str(error)


@pytest.mark.parametrize("value", STRANGE)
def test_a_cards_number_that_is_none_leaves_it_unnamed(tmp_path: Path, value: Any) -> None:
    (tmp_path / "trace.json").write_text(trace_of(value, 7))
    assert read_or_sentence(tmp_path / "trace.json")


@pytest.mark.parametrize("value", STRANGE)
def test_a_streams_number_that_is_none_is_named(tmp_path: Path, value: Any) -> None:
    (tmp_path / "trace.json").write_text(trace_of(0, value))
    assert read_or_sentence(tmp_path / "trace.json")
