"""Workers of other backends do not import TensorFlow to serialise a model."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

PROGRAM = """
import json, sys
from anatomy.bench.runner.fork_server import preload

preload()
import keras

model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, kernel_initializer=keras.initializers.Ones())])
again = keras.saving.deserialize_keras_object(json.loads(model.to_json()))
before = "tensorflow" in sys.modules
import tensorflow as tf

print(json.dumps([before, again.count_params(), keras.saving.serialize_keras_object(tf.TensorShape([None, 3]))]))
"""


@pytest.mark.backends
def test_a_model_is_serialised_without_tensorflow(pytestconfig: pytest.Config) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | {"KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    imported, parameters, shape = json.loads(done.stdout)
    assert not imported
    assert parameters == 10
    # One of TensorFlow's values is still known as such.
    assert shape == [None, 3]
