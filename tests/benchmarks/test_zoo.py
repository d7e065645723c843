"""The repository's own benchmark items: `pytest --benchmark` measures them, `pytest` skips them."""

from __future__ import annotations

from typing import Any

import pytest

from anatomy.bench.backends.available import installed_backends
from anatomy.bench.suites.plan import plan
from anatomy.bench.suites.suite import Axes, load_suite

# The models of the quick suite, as the suite's file has them.
MODELS = list(dict.fromkeys(text for matrix in load_suite("quick").matrix for text in matrix.model))


def test_every_model_of_the_quick_suite_is_planned() -> None:
    cases = [case for case in plan(load_suite("quick"), Axes()) if case.mode != "count"]
    assert {case.backend for case in cases} == set(installed_backends())
    assert len({(case.model, str(case.options)) for case in cases}) == len(MODELS)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.anatomy(mode=["train", "infer"], batch_size=[8])
def test_zoo(model: str) -> Any:
    from anatomy.models import build_any, parse_model

    spec = parse_model(model)
    return build_any(spec.model, spec.options)
