"""Trends are found by words of a case's name or by its key, on one branch or all."""

from __future__ import annotations

from pathlib import Path

import pytest

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.history.find_trends import find_trends
from anatomy.bench.history.history_store import History
from tests.bench.history.conftest import numbered_run, record_at


def test_cases_are_chosen_by_words_or_key(tmp_path: Path) -> None:
    fast, slow = record_at(0.010), record_at(0.020, "lstm")
    with History(f"sqlite:///{tmp_path / 'history.sqlite'}") as history:
        history.add(numbered_run(0, [fast, slow]), "mine", "main")
        history.add(numbered_run(1, [fast]), "mine", "other")
        assert [trend.name for trend in find_trends(history, "mine", "step_s")] == [fast.name, slow.name]
        for words in (["lstm"], ["lstm train"], [slow.key]):
            assert [trend.name for trend in find_trends(history, "mine", "step_s", words)] == [slow.name]
        (found,) = find_trends(history, "mine", "step_s", ["mlp"], branch="other")
        assert [point.run_id for point in found.points] == ["run-001"]
        with pytest.raises(UsageError, match="no case lstm with step_s"):
            find_trends(history, "mine", "step_s", ["lstm"], branch="other")
