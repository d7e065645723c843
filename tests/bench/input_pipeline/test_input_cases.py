"""Cases whose input is read, decoded and augmented: measured on every feed, and a planted bottleneck is named."""

from __future__ import annotations

import pytest

from anatomy.bench.backends.available import installed_backends
from anatomy.bench.records.case import Case
from tests.bench.conftest import Measure, cases_of
from tests.data.slow_source import SLEEP_S
from tests.marks import extended_but, slow_but

# From the folder of the tests, where cases are measured.
MODEL = "data/small_images.py:small"
SLOW = "data/slow_source.py:slow"


def _case(**fields: object) -> Case:
    (case,) = cases_of([MODEL], **fields)
    return case


@pytest.mark.backends
@pytest.mark.parametrize("backend", slow_but(["tensorflow", "jax", "torch"], "jax"))
@pytest.mark.parametrize("feed", extended_but(["tf.data", "pydataset", "dataloader", "grain"], "dataloader"))
def test_a_slow_decode_is_named_on_every_feed(measure: Measure, backend: str, feed: str) -> None:
    if backend not in installed_backends():
        pytest.skip(f"{backend} is not installed")
    cases = [
        _case(backend=backend, mode="fit", batch_size=8, feed=feed, source=SLOW, workers=workers) for workers in (0, 4)
    ]
    alone, with_workers = measure(cases)
    assert (alone.outcome, with_workers.outcome) == ("ok", "ok"), alone.reason + with_workers.reason
    figures = alone.input_figures
    assert figures is not None
    assert figures.in_words().startswith("input-bound: decode takes ")
    assert figures.slowest is not None
    assert figures.slowest[1] > 0.9
    assert figures.prepare_s["decode"] == pytest.approx(SLEEP_S, rel=0.5)
    # Without workers the loop waits for each example.
    assert figures.added_s > 0.9 * 8 * SLEEP_S
    assert with_workers.input_figures is not None
    # tf.data calls Python, where one thread sleeps while another does: all four feeds gain by workers.
    assert with_workers.input_figures.alone_s < 0.7 * figures.alone_s
    assert alone.inputs[0].why == f"{SLOW}: 64 items; read, decode, augment"
    assert "not checked" in alone.checks["loss goes down"]


@pytest.mark.backends
def test_images_and_texts_are_measured(measure: Measure) -> None:
    models = ["resnet:depth=8,classes=10,input_shape=32x32x3", MODEL]
    cases = cases_of(models, backend="jax", mode=["fit", "predict"], batch_size=4, feed="pydataset", source="jpeg")
    words = "text_cnn:vocabulary=5000,length=160,embedding_dim=8"
    cases += cases_of([words], backend="jax", mode="fit", batch_size=4, feed="grain", source="text", workers=1)
    for record in measure(cases):
        assert record.outcome == "ok", record.reason
        assert record.input_figures is not None
        assert record.throughput_examples_per_s
        assert list(record.input_figures.prepare_s)[:2] == ["read", "decode"]


@pytest.mark.backends
def test_a_source_that_does_not_fit_is_unsupported(measure: Measure) -> None:
    fields = {"backend": "jax", "mode": "fit", "batch_size": 4}
    lstm, grey = measure([*cases_of(["lstm"], **fields, source="jpeg"), *cases_of(["mlp"], **fields, source="text")])
    assert (lstm.outcome, grey.outcome) == ("unsupported", "unsupported")
    assert "the source jpeg gives images of height × width × 3" in lstm.reason
    assert "the source text gives rows of word ids" in grey.reason


@pytest.mark.quiet
@pytest.mark.extended
@pytest.mark.backends
def test_a_model_that_takes_longer_than_its_input_is_the_limit(measure: Measure) -> None:
    """The same images: a layer waits for them, and a large network does not notice them."""
    fields = {"backend": "jax", "mode": "fit", "batch_size": 4, "feed": "dataloader", "source": "jpeg", "workers": 0}
    small = _case(**fields)
    (large,) = cases_of(["vgg:depth=11,classes=10,input_shape=64x64x3"], **fields)
    small_record, large_record = measure([small, large], seconds=1.0)
    assert small_record.input_figures is not None
    assert small_record.input_figures.limit == "input"
    assert large_record.input_figures is not None
    assert large_record.input_figures.limit in ("model", "open")
    assert large_record.input_figures.added_s < 0.2 * large_record.input_figures.ready_s
