"""What marked items are measured as, and what is refused, skipped or called instead; no worker is started."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

# Not left to the builders: pytester forgets what is imported within, and TensorFlow cannot be imported twice.
import keras  # noqa: F401
import pytest

from anatomy.bench.pytest_plugin import items
from anatomy.bench.records.case import Case
from anatomy.bench.records.record import Record

Run = Callable[..., pytest.RunResult]

HEAD = """
import enum, unittest
import pytest

AXES = {"backend": "tensorflow", "mode": "infer", "batch_size": 4}
called = []

def build(units=1):
    import keras
    called.append(units)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(units)])
"""

MEASURED = """
@pytest.mark.anatomy(**AXES)
class TestNets:
    def setup_method(self):
        raise RuntimeError("pytest itself does not call it")

    @pytest.mark.parametrize("units", [pytest.param(8, id="small / a [x]"), 16])
    def test_net(self, units):
        raise RuntimeError("pytest itself does not call it")

    class TestInner:
        test_it = staticmethod(build)

@pytest.mark.anatomy(backend=["tensorflow", "jax"], mode="infer", batch_size=4)
class Cases(unittest.TestCase):
    def setUp(self):
        raise RuntimeError("pytest itself does not call it")

    setUpClass = classmethod(setUp)

    def test_net(self):
        raise RuntimeError("pytest itself does not call it")

@pytest.fixture
def same(request):
    return request.param

@pytest.mark.anatomy(**AXES)
@pytest.mark.parametrize(("shape", "same"), [((2, 3), "as it is")], indirect=["same"])
def test_function(shape, same):
    raise RuntimeError("pytest itself does not call it")

class TestCalls:
    def make(self):
        return build()

    @pytest.mark.parametrize("odd", [{(1, 2): 3}, float("nan")])
    def test_called(self, anatomy, odd):
        anatomy(self.make, **AXES)

class Calls(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _take(self, anatomy):
        self.anatomy = anatomy

    def test_called(self):
        self.anatomy(build, **AXES)
"""
CASES: list[tuple[str, dict[str, Any]]] = [
    ("TestNets.test_net", {"units": 8}),
    ("TestNets.test_net", {"units": 16}),
    ("TestNets.TestInner.test_it", {}),
    ("Cases.test_net", {}),
    ("Cases.test_net", {}),
    ("test_function", {"shape": [2, 3], "same": "as it is"}),
    ("TestCalls.make", {}),
    ("TestCalls.make", {}),
    ("build", {}),
]

REFUSED = """
@pytest.fixture(params=[1])
def doubled(request):
    return 2 * request.param

@pytest.fixture(params=[1])
def elsewhere(request):
    return request.param

@pytest.mark.anatomy(**AXES)
def test_fixture(tmp_path):
    pass

@pytest.mark.anatomy(**AXES)
def test_doubled(doubled):
    pass

@pytest.mark.anatomy(**AXES)
@pytest.mark.usefixtures("elsewhere")
def test_elsewhere():
    pass

@pytest.mark.anatomy(**AXES)
def test_both(anatomy):
    pass

@pytest.mark.anatomy(**AXES)
@pytest.mark.parametrize("layer", [enum.Enum])
def test_class(layer):
    pass

def test_local(anatomy):
    def build():
        pass
    anatomy(build, **AXES)

def test_object(anatomy):
    anatomy(3, **AXES)

@pytest.mark.anatomy(**AXES)
@pytest.mark.parametrize("units", [1])
def test_good(units):
    pass
"""
SENTENCES = [
    "ERROR *::test_fixture?*: the fixture tmp_path cannot be had in the fresh process *",
    "ERROR *::test_doubled?*: the fixture doubled cannot be had *",
    "ERROR *::test_elsewhere?*: the fixture elsewhere cannot be had *",
    "ERROR *::test_both?*: a marked function is measured itself; take the marker off *",
    "ERROR *::test_class?*: the parameter layer is the class Enum; give a JSON value *",
    "ERROR *::test_local: test_local.<locals>.build: the fresh process * cannot find it there; *",
    "ERROR *::test_object: expected a name of the zoo, * or a function, got int; *",
]

SKIPPED = """
@pytest.mark.anatomy(**AXES)
class Cases(unittest.TestCase):
    @unittest.skip("not the method")
    def test_method(self):
        pass

@pytest.mark.anatomy(**AXES)
@unittest.skip("not the class")
class Others(unittest.TestCase):
    def test_method(self):
        pass
"""

OPTIONS = """
@pytest.mark.anatomy(**AXES)
@pytest.mark.parametrize("units", [3])
def test_function(units):
    return build(units)

@pytest.mark.anatomy(**AXES)
class Cases(unittest.TestCase):
    def setUp(self):
        self.units = 5

    def test_method(self):
        return build(self.units)

def test_fixture(anatomy):
    anatomy(build, **AXES)

def test_called():
    print(f"called with {called}")
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run pytest in this process, as its own and not as a worker of xdist."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    return partial(pytester.runpytest_inprocess, "-p", "no:cacheprovider")


@pytest.fixture(autouse=True)
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Case]:
    """The cases that would be measured."""
    cases: list[Case] = []

    def measure(run: object, case: Case) -> Record:
        cases.append(case)
        fields = {"outcome": "ok", "started_at": "2026-01-01T00:00:00+00:00", "name": "x", "step_s": [0.1, 0.2]}
        return Record.model_validate({"case": case, **fields})

    monkeypatch.setattr(items.PytestRun, "measure", measure)
    return cases


@pytest.mark.long
def test_each_marked_item_is_a_case_that_a_fresh_process_can_build(
    run: Run, pytester: pytest.Pytester, measured: list[Case]
) -> None:
    pytester.makepyfile(test_m=HEAD + MEASURED)
    result = run("--benchmark", "--benchmark-json=out.json")
    result.assert_outcomes(passed=len(CASES))
    assert [(case.model, case.options) for case in measured] == [(f"test_m.py:{name}", given) for name, given in CASES]
    assert [case.backend for case in measured if "Cases." in case.model] == ["tensorflow", "jax"]
    written = json.loads((pytester.path / "out.json").read_text())["benchmarks"]
    assert len({benchmark["fullname"] for benchmark in written}) == len(CASES)
    assert {"units": 8}.items() <= written[0]["params"].items()


@pytest.mark.long
def test_what_cannot_cross_into_a_fresh_process_is_an_error_of_its_item(
    run: Run, pytester: pytest.Pytester, measured: list[Case]
) -> None:
    pytester.makepyfile(HEAD + REFUSED)
    result = run("--benchmark", "--benchmark-json=out.json")
    result.assert_outcomes(failed=len(SENTENCES), passed=1)
    result.stdout.fnmatch_lines(SENTENCES)
    assert not any(word in result.stdout.str() for word in ("Traceback", "During handling", "not used at all"))
    (written,) = json.loads((pytester.path / "out.json").read_text())["benchmarks"]
    assert (written["name"], [case.options for case in measured]) == (
        "test_good[tensorflow-infer-b4-float32-1]",
        [{"units": 1}],
    )


def test_a_method_that_unittest_skips_is_skipped(run: Run, pytester: pytest.Pytester, measured: list[Case]) -> None:
    pytester.makepyfile(HEAD + SKIPPED)
    result = run("--benchmark", "-rs")
    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines_random(["*not the method", "*not the class"])
    assert measured == []


@pytest.mark.parametrize(
    ("arguments", "outcomes", "called", "cases"),
    [
        (["--benchmark"], {"passed": 4}, [], 3),
        (["--benchmark", "-n", "0"], {"passed": 4}, [], 3),
        (["--benchmark", "--dist=load"], {"passed": 4}, [], 3),
        (["--benchmark", "--benchmark-only"], {"passed": 3, "skipped": 1}, None, 3),
        (["--benchmark", "--benchmark-disable"], {"passed": 3, "skipped": 1}, [3, 5], 0),
        (["--benchmark", "--benchmark-disable", "--benchmark-enable"], {"passed": 4}, [], 3),
        (["--benchmark", "--benchmark-skip"], {"passed": 1, "skipped": 3}, [], 0),
        (["--benchmark-disable"], {"passed": 1, "skipped": 3}, [], 0),
    ],
)
# That `--dist` alone disables it is pytest-benchmark's own warning.
@pytest.mark.filterwarnings("ignore::pytest_benchmark.logger.PytestBenchmarkWarning")
def test_options_of_pytest_benchmark_mean_for_marked_items_what_they_say(
    run: Run,
    pytester: pytest.Pytester,
    measured: list[Case],
    arguments: list[str],
    outcomes: dict[str, int],
    called: list[int] | None,
    cases: int,
) -> None:
    pytester.makepyfile(HEAD + OPTIONS)
    result = run("-s", *arguments)
    result.assert_outcomes(**outcomes)
    assert called is None or f"called with {called}" in result.stdout.str()
    assert len(measured) == cases
    assert (f"benchmark: {cases} tests" in result.stdout.str()) == (cases > 0)


def test_a_builder_that_is_called_unmeasured_must_return_a_model(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(HEAD + "\n@pytest.mark.anatomy(**AXES)\ndef test_nothing():\n    pass\n")
    result = run("--benchmark", "--benchmark-disable")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*:test_nothing returned None, not a Keras model*"])


def test_an_item_that_another_plugin_calls_does_not_pass_unmeasured(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        "import pytest\n@pytest.hookimpl(tryfirst=True)\ndef pytest_pyfunc_call(pyfuncitem):\n    return True\n"
    )
    pytester.makepyfile(HEAD + OPTIONS)
    result = run("--benchmark", "-k", "test_function")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["ERROR *::test_function*: it was called by another plugin, and not measured"])
