"""Which of input and model is the limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.records.input_figures import NEGLIGIBLE, InputFigures, Limit, WorkersAndLimit, enough_workers

SECONDS = st.floats(1e-4, 1.0)


def _figures(fed: float, ready: float, alone: float, noise: float = 0.0, **prepare_s: float) -> InputFigures:
    turns = [1 - noise, 1 + noise, 1, 1 - noise, 1 + noise]
    return InputFigures(
        fed_step_s=[fed * turn for turn in turns],
        ready_step_s=[ready * turn for turn in reversed(turns)],
        alone_step_s=[alone] * 5,
        prepare_s=prepare_s,
    )


@given(ready=SECONDS, alone=SECONDS)
def test_without_overlap_the_limit_is_whichever_is_slower(ready: float, alone: float) -> None:
    figures = _figures(ready + alone, ready, alone)
    assert figures.added_s == pytest.approx(alone)
    if alone < NEGLIGIBLE * ready * 0.999:
        assert figures.limit == "model"
    elif alone > NEGLIGIBLE * ready * 1.001:
        assert figures.limit == ("input" if alone > ready else "cores")


@given(ready=SECONDS, alone=SECONDS)
def test_with_perfect_overlap_the_slower_one_sets_the_pace(ready: float, alone: float) -> None:
    figures = _figures(max(ready, alone), ready, alone)
    if alone <= ready:
        assert figures.limit == "model"
    elif alone > (1 + NEGLIGIBLE) * ready * 1.001:
        assert figures.limit == "input"


def test_noise_decides_nothing() -> None:
    assert _figures(1.0, 0.95, 2.0, noise=0.3).limit == "open"
    assert _figures(1.0, 0.95, 2.0, noise=0.3).in_words() == "too noisy to say"


def test_the_slowest_step_is_named_where_the_input_is_the_limit() -> None:
    prepare_s = {"read": 0.1, "decode": 0.7, "augment": 0.2}
    assert _figures(3.0, 1.0, 2.0, **prepare_s).in_words() == "input-bound: decode takes 70 % of preparing an example"
    assert _figures(1.0, 1.0, 0.5, **prepare_s).in_words() == "model-bound"
    assert _figures(2.0, 1.0, 2.0).in_words() == "input-bound"


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({0: "input", 1: "input", 3: "model"}, "input-bound below 3 workers"),
        ({0: "input", 1: "cores"}, "input-bound below 1 worker"),
        ({0: "model", 2: "model"}, "not input-bound, even without workers"),
        ({2: "model", 4: "model"}, "not input-bound, with 2 workers or more"),
        ({0: "input", 4: "input"}, "input-bound with every number of workers that was tried (up to 4)"),
        ({0: "input", 1: "model", 2: "input"}, "input-bound with some numbers of workers, and not the lower ones"),
        ({0: "input", 2: "open"}, "too noisy to say with how many workers"),
    ],
)
def test_with_how_many_workers_the_input_is_no_limit(limits: dict[int, Limit], said: str) -> None:
    assert enough_workers([WorkersAndLimit(*one) for one in limits.items()]).startswith(said)
