"""The pytest plugin, as another project would use it: in a pytest of its own."""

from __future__ import annotations

import json
import sys

import pytest

from anatomy.bench.backends.available import availability
from anatomy.bench.records.run_store import load_run

MODULE = """
    import pytest

    def build(units=8):
        import keras
        layers = [keras.layers.Dense(units), keras.layers.Dense(3, activation="softmax")]
        return keras.Sequential([keras.Input((4,)), *layers])

    @pytest.mark.anatomy(backend=["tensorflow"], mode=["train", "infer"], batch_size=[4, 8])
    def test_model():
        return build()
"""
FAST = ("-p", "no:cacheprovider", "--anatomy-seconds", "0.1")


@pytest.mark.long
def test_items_are_skipped_without_the_flag(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(MODULE)
    result = pytester.runpytest_inprocess("-rs")
    result.assert_outcomes(skipped=4)
    result.stdout.fnmatch_lines(["*a benchmark: run with --benchmark*"])


def test_collected_ids_name_the_combination(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(MODULE)
    result = pytester.runpytest_inprocess("--collect-only", "-q")
    result.stdout.fnmatch_lines(["*::test_model[[]tensorflow-train-b4-float32[]]", "*tensorflow-infer-b8-float32*"])


@pytest.mark.long
@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("backend=['tensorflwo']", "*did you mean 'tensorflow'*"),
        ("batchsize=[1]", "*did you mean 'batch_size'*"),
        ("'jax'", "*takes keywords only*"),
    ],
)
def test_mistakes_in_the_marker(pytester: pytest.Pytester, marker: str, message: str) -> None:
    pytester.makepyfile(f"import pytest\n@pytest.mark.anatomy({marker})\ndef test_x(): pass")
    result = pytester.runpytest_inprocess()
    assert result.ret != 0
    result.stdout.fnmatch_lines([message])


@pytest.mark.backends
def test_results_reach_pytest_benchmark_and_the_records(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(MODULE)
    out = pytester.path / "run"
    result = pytester.runpytest_subprocess(
        "--benchmark", "--benchmark-json=out.json", "--benchmark-autosave", f"--anatomy-out={out}", *FAST
    )
    result.assert_outcomes(passed=4)
    # Which plugin reports first depends on the installation.
    result.stdout.fnmatch_lines_random(["*anatomy: records in*", "*benchmark: 4 tests*"])

    records = {record.key: record for record in load_run(out).records}
    written = json.loads((pytester.path / "out.json").read_text())["benchmarks"]
    assert len(written) == len(records) == 4
    for benchmark in written:
        info = benchmark["extra_info"]
        record = records[info["key"]]
        assert benchmark["stats"]["data"] == record.step_s
        assert benchmark["stats"]["rounds"] == len(record.step_s)
        assert info["parameters"] == 4 * 8 + 8 + 8 * 3 + 3
        assert info["macs"] == 4 * 8 + 8 * 3
        assert info["throughput_examples_per_s"] == record.throughput_examples_per_s
        assert info["peak_host_bytes"] > 0

    compared = pytester.run(sys.executable, "-m", "pytest_benchmark", "compare", "--csv=compared")
    assert compared.ret == 0
    compared.stdout.fnmatch_lines(["*test_model*"])


@pytest.mark.backends
def test_parameters_and_methods_reach_the_builder(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import unittest
        import numpy as np
        import pytest

        AXES = {"backend": "tensorflow", "mode": "infer", "batch_size": 2}

        def build(units):
            import keras
            return keras.Sequential([keras.Input((4,)), keras.layers.Dense(units)])

        @pytest.mark.parametrize("units", [3, np.int64(5)])
        @pytest.mark.anatomy(**AXES)
        def test_model(units):
            return build(units)

        @pytest.mark.parametrize("more", [0, 1])
        class TestNets:
            def setup_method(self):
                self.units = 7

            @pytest.mark.anatomy(**AXES)
            def test_net(self, more):
                return build(self.units + more)

        class Cases(unittest.TestCase):
            def setUp(self):
                self.units = 9

            @pytest.mark.anatomy(**AXES)
            def test_net(self):
                return build(self.units)
        """
    )
    result = pytester.runpytest_subprocess("--benchmark", "--benchmark-only", "--anatomy-out=run", *FAST)
    result.assert_outcomes(passed=5)
    counts = [record.counts for record in load_run(pytester.path / "run").records]
    assert [c.parameters for c in counts if c] == [5 * units for units in (3, 5, 7, 8, 9)]


@pytest.mark.backends
def test_failures_fail_and_absent_backends_are_skipped(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.anatomy(backend="tensorflow", mode="infer", batch_size=2)
        def test_raises():
            raise RuntimeError("no such luck")

        @pytest.mark.anatomy(backend="openvino", mode="train", batch_size=2)
        def test_unsupported():
            pass

        @pytest.mark.anatomy(backend="tensorflow", mode="infer", batch_size=2)
        def test_skips():
            pytest.skip("no weights here")

        @pytest.mark.anatomy(backend="tensorflow", mode="infer", batch_size=2)
        async def test_async():
            pass
        """
    )
    result = pytester.runpytest_subprocess("--benchmark", "-rs", *FAST)
    result.assert_outcomes(failed=2, skipped=2)
    result.stdout.fnmatch_lines_random(
        [
            "*crashed: RuntimeError: no such luck*",
            "*a coroutine, not a Keras model*",
            "*skipped itself: no weights here*",
        ]
    )


@pytest.mark.backends
@pytest.mark.skipif(not availability("jax").installed, reason="jax is not installed")
def test_the_fixture_returns_records(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def build():
            import keras
            return keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])

        def test_called(anatomy):
            one = anatomy(build, backend="jax", mode="infer", batch_size=4)
            other = anatomy("mlp", backend="jax", mode="infer", batch_size=4)
            assert one.counts.parameters == 10
            assert other.counts.parameters == 6154
        """
    )
    skipped = pytester.runpytest_subprocess()
    skipped.assert_outcomes(skipped=1)
    result = pytester.runpytest_subprocess("--benchmark", "--benchmark-json=out.json", *FAST)
    result.assert_outcomes(passed=1)
    (benchmark,) = json.loads((pytester.path / "out.json").read_text())["benchmarks"]
    assert benchmark["extra_info"]["parameters"] == 10
