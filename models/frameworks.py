"""The framework comparison of the talk, and facts from the documentation of today's backends, as data.

Source: "Anatomy of a Deep Learning Application in Python/Keras", F. Pugliese, slide
"Frameworks for deep learning". Marks are the slide's own; an empty string is an empty cell.
Anatomy measured nothing in the slide's rows.
"""

from __future__ import annotations

from typing import NamedTuple


class SlideRow(NamedTuple):
    """One row of the slide's table.

    Attributes:
        framework: name of the framework.
        languages: interfaces that the slide names.
        tutorials: tutorials and training materials.
        cnn: CNN modeling capability.
        rnn: RNN modeling capability.
        front_end: architecture: easy-to-use and modular front end.
        speed: speed, as the slide marks it.
        multi_gpu: multiple GPU support.
        keras: whether it is Keras compatible.
        became: what became of the framework since the talk.
    """

    framework: str
    languages: str
    tutorials: str
    cnn: str
    rnn: str
    front_end: str
    speed: str
    multi_gpu: str
    keras: str
    became: str


class BackendFacts(NamedTuple):
    """What a backend's own documentation says; none of it is measured.

    Attributes:
        title: the project's spelling of its name.
        languages: documented interfaces other than Python, which is the measured one.
        lineage: rows of the slide from which it descends.
    """

    title: str
    languages: str
    lineage: str


SLIDE_ROWS: tuple[SlideRow, ...] = (
    SlideRow("Theano", "Python, C++", "++", "++", "++", "+", "++", "+", "+", "PyTensor (and JAX in spirit)"),
    SlideRow("TensorFlow", "Python", "+++", "+++", "++", "+++", "++", "++", "+", "lives: a backend of Keras 3"),
    SlideRow("Torch", "Lua, Python (new)", "+", "+++", "++", "++", "+++", "++", "", "PyTorch: a backend of Keras 3"),
    SlideRow("Caffe", "C++", "+", "++", "", "+", "+", "+", "", "Caffe2, then PyTorch"),
    SlideRow("MXNet", "R, Python, Julia, Scala", "++", "++", "+", "++", "++", "+++", "", "retired in 2023"),
    SlideRow("Neon", "Python", "+", "++", "+", "+", "++", "+", "", "nGraph, then OpenVINO"),
    SlideRow(
        "CNTK", "C++", "+", "+", "+++", "+", "++", "+", "", "ended in 2019; its team's work went on in ONNX Runtime"
    ),
)

# https://www.tensorflow.org/api_docs, https://docs.jax.dev, https://docs.pytorch.org/cppdocs,
# https://docs.openvino.ai and https://onnxruntime.ai/docs/api (API reference).
BACKEND_FACTS: dict[str, BackendFacts] = {
    "tensorflow": BackendFacts("TensorFlow", "C++, Java, JavaScript", "TensorFlow"),
    "jax": BackendFacts("JAX", "", "Theano, in spirit"),
    "torch": BackendFacts("PyTorch", "C++", "Torch, Caffe (through Caffe2)"),
    "openvino": BackendFacts("OpenVINO", "C++, C, JavaScript", "Neon (through nGraph)"),
    "native-tensorflow": BackendFacts("TensorFlow", "C++, Java, JavaScript", "TensorFlow"),
    "native-jax": BackendFacts("JAX", "", "Theano, in spirit"),
    "native-torch": BackendFacts("PyTorch", "C++", "Torch, Caffe (through Caffe2)"),
    "onnxruntime": BackendFacts("ONNX Runtime", "C++, C, C#, Java, JavaScript", "CNTK, whose team went on with it"),
}
