"""Every architecture, small, on every backend that is installed: trained a step, and used."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.marks import slow_but

SMALL = (
    "mlp",
    "functional:input_size=9",
    "lstm:units=4",
    "alexnet:input_shape=67x67x3,classes=10",
    "vgg:depth=11,input_shape=32x32x3,classes=10",
    "googlenet:input_shape=32x32x3,classes=10,auxiliary=true",
    "resnet:input_shape=32x32x3,classes=10",
    "resnet:depth=8",
    "wide_resnet:depth=10,width=1",
    "unet:depth=2,base_filters=4,input_shape=16x16x1",
    "unet:depth=2,base_filters=4,input_shape=24x24x1,padding=valid,upsampling=transpose,classes=2,spatial_dropout=0.2",
    "rcnn:words=5,embedding_dim=4,lstm_units=3,dense_units=2,classes=3",
    "rcnn:words=none,embedding_dim=4,lstm_units=3,dense_units=2",
    "rcnn:words=5,embedding_dim=4,lstm_units=3,dense_units=2,keywords=true",
    "rcnn:words=5,embedding_dim=4,lstm_units=3,dense_units=2,literal=true",
    "text_cnn:vocabulary=50,length=149,classes=3",
)
# torch raises on the in-place update of the states, OpenVINO cannot hold them.
STATEFUL = "lstm:units=4,stateful=true,batch_size=2"


@pytest.mark.backends
# The smoke suite measures the zoo on the others; what this adds there takes minutes.
@pytest.mark.parametrize("backend", slow_but(["tensorflow", "jax", "torch", "openvino"], "openvino"))
def test_small_zoo(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed: pip install keras-anatomy[{backend}]")
    models = (*SMALL, STATEFUL) if backend in ("tensorflow", "jax") else SMALL
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("smoke.py")), *models],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    facts = [json.loads(line) for line in done.stdout.splitlines()]
    assert [fact["model"] for fact in facts] == list(models)
    for fact in facts:
        assert fact["finite"], fact
        assert ("keywords" in fact["model"] or backend == "openvino") == (fact["losses"] == [])
        if "keywords" not in fact["model"] and fact["shapes"][0][-1] > 1:
            assert fact["sums"] == pytest.approx([1.0] * len(fact["sums"]), abs=1e-4)
