"""A case: one point of what can be measured.

A `Case` is immutable and complete: two machines with equal cases measure the same thing. Its `key` is a hash of its
canonical JSON, and so the same on every machine.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Hashable, Mapping
from functools import cached_property
from operator import attrgetter
from typing import Any, Literal, get_args

from pydantic import Field, computed_field, field_validator, model_validator

from anatomy.bench.records.frozen import FrozenWithComputedFields
from anatomy.bench.records.input_spec import canonical

KerasBackend = Literal["tensorflow", "jax", "torch", "openvino"]
# The same model in the framework's own layers, without Keras.
NativeBackend = Literal["native-tensorflow", "native-jax", "native-torch", "onnxruntime"]
Backend = Literal[KerasBackend, NativeBackend]
CaseMode = Literal["train", "infer", "fit", "predict", "count"]
Mode = CaseMode | Literal["stage"]
Jit = Literal["auto", "on", "off"]
Feed = Literal["numpy", "tf.data", "pydataset", "dataloader", "grain"]
# What stays constant as devices are added: the batch of each device (weak), or the whole batch (strong).
Scaling = Literal["weak", "strong"]

KERAS_BACKENDS: tuple[KerasBackend, ...] = get_args(KerasBackend)
NATIVE_BACKENDS: tuple[NativeBackend, ...] = get_args(NativeBackend)
BACKENDS: tuple[Backend, ...] = get_args(Backend)
# Backend → the Keras backend on which its model is built, and from which it is translated.
_BUILT_ON: Mapping[Backend, KerasBackend] = {
    **{backend: backend for backend in KERAS_BACKENDS},
    "native-tensorflow": "tensorflow",
    "native-jax": "jax",
    "native-torch": "torch",
    "onnxruntime": "torch",
}
SCALINGS: tuple[Scaling, ...] = get_args(Scaling)
# Keras's own loops, which draw their data from a feed, and the mode of the compiled step inside each.
LOOPS: Mapping[Mode, Mode] = {"fit": "train", "predict": "infer"}
DTYPES = ("float32", "mixed_bfloat16", "mixed_float16", "bfloat16", "float16")

KEY_LENGTH = 12
# Examples of a batch, devices, workers: no machine has more.
MOST = 10**9
# What a compiled step has where Keras's own loops have a choice.
OF_A_STEP: Mapping[str, Any] = {"feed": "numpy", "source": "", "workers": 0, "steps_per_execution": 0}
_LATER_FIELDS: Mapping[str, Any] = {
    **OF_A_STEP,
    "nodes": 1,
    "model_parallel": 1,
    "layout_map": "",
    "inputs": {},
}
# Files that Anatomy makes; any other source is a function.
SOURCES = ("jpeg", "text")


class Case(FrozenWithComputedFields):
    """One point: model, options, mode, backend, batch size, dtype policy, jit, devices.

    Attributes:
        model: name of the zoo (`vgg`), `package.module:function`, `path/to/file.py:function`, or the path of a saved
            model.
        options: keyword arguments of the builder, JSON values only. For the zoo they are complete (defaults filled
            in): the key survives a change of defaults.
        mode: `train` (forward, loss, backward, update) and `infer` (forward) time the compiled step; `fit` and
            `predict` time Keras's own loops around it; `count` times nothing; `stage` is a stage of an application,
            which `model` names and `options` describe.
        backend: Keras backend, or a native one: the framework's own layers without Keras.
        batch_size: number of examples per step, over all devices.
        dtype: name of a Keras dtype policy, https://keras.io/api/mixed_precision/policy/.
        jit: requested `Model.compile(jit_compile=…)`; the record has the one in effect.
        devices: number of devices that share each step by data parallelism.
        nodes: number of machines with these devices, equally many on each.
        model_parallel: number of devices that share each copy of the model's weights; `devices / model_parallel` copies
            share the batch.
        layout_map: `package.module:function` or `path/to/file.py:function` that is called with the device mesh and
            returns the `keras.distribution.LayoutMap` of the weights; empty for the rule of
            `anatomy.bench.parallel.sharding`.
        feed: what hands the batches to `fit` and `predict`: NumPy arrays, a `tf.data.Dataset`, a
            `keras.utils.PyDataset`, torch's `DataLoader`, or Grain.
        source: where the examples of a feed come from: empty for copies of one batch in memory, `jpeg` or `text` for
            files that are read and decoded, or `path/to/file.py:function`; see `anatomy.bench.input_pipeline`.
        workers: threads or processes of the feed that prepare examples; 0 for none but the loop itself.
        steps_per_execution: requested `Model.compile(steps_per_execution=…)` of `fit` and `predict`, how many steps
            Keras's loop runs before it comes back to its callbacks; 0 for what the model was compiled with, Keras's
            default being 1.
        inputs: path of an input → what is given of it, as `SHAPE:DTYPE:LOW..HIGH`; see `InputSpec`. The empty path is
            that of a model's only input.
    """

    model: str
    options: dict[str, Any] = Field(default_factory=dict)
    mode: Mode = "train"
    backend: Backend = "tensorflow"
    batch_size: int = Field(default=32, ge=1, le=MOST)
    dtype: str = "float32"
    jit: Jit = "auto"
    devices: int = Field(default=1, ge=1, le=MOST)
    nodes: int = Field(default=1, ge=1, le=MOST)
    model_parallel: int = Field(default=1, ge=1, le=MOST)
    layout_map: str = ""
    feed: Feed = "numpy"
    source: str = ""
    workers: int = Field(default=0, ge=0, le=MOST)
    steps_per_execution: int = Field(default=0, ge=0, le=MOST)
    inputs: dict[str, str] = Field(default_factory=dict)

    @field_validator("inputs")
    @classmethod
    def _canonical_inputs(cls, inputs: dict[str, str]) -> dict[str, str]:
        return canonical(inputs)

    @field_validator("options")
    @classmethod
    def _json_only(cls, options: dict[str, Any]) -> dict[str, Any]:
        """Options must survive JSON: workers and records get them through it."""
        try:
            parsed: dict[str, Any] = json.loads(json.dumps(options, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"options must be JSON values (numbers, strings, lists, true/false/null): {error}"
            ) from error
        return parsed

    @field_validator("source")
    @classmethod
    def _named_source(cls, source: str) -> str:
        if source and source not in SOURCES and ":" not in source:
            raise ValueError(f"expected one of {', '.join(SOURCES)}, or package.module:function or file.py:function")
        return source

    @model_validator(mode="after")
    def _feed_of_a_loop(self) -> Case:
        for name, usual in OF_A_STEP.items():
            value = getattr(self, name)
            if value != usual and self.mode not in LOOPS:
                raise ValueError(
                    f"{name}={value} is for the modes fit and predict, Keras's loops; {self.mode} runs the"
                    " compiled step on data that lie on the device"
                )
        if self.workers and (self.feed == "numpy" or (self.feed == "tf.data" and not self.source)):
            raise ValueError(
                f"workers={self.workers} prepare the examples of a feed; {self.feed} has them ready in memory"
            )
        return self

    @model_validator(mode="after")
    def _equal_on_each_node(self) -> Case:
        if self.devices % self.nodes:
            raise ValueError(f"{self.devices} devices are not equally many on each of {self.nodes} nodes")
        if self.devices % self.model_parallel:
            raise ValueError(f"{self.devices} devices do not divide into copies of {self.model_parallel}")
        return self

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented use of property
    @cached_property
    def key(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of the canonical JSON of the fields.

        Fields that were added later are left out at their defaults: older keys stay valid.
        """
        fields = {name: self.__dict__[name] for name in type(self).model_fields}
        fields = {name: value for name, value in fields.items() if _LATER_FIELDS.get(name) != value}
        canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:KEY_LENGTH]

    @property
    def keras_backend(self) -> KerasBackend:
        """The Keras backend on which the model is built."""
        return keras_backend(self.backend)

    @property
    def native(self) -> bool:
        """Whether the model is translated to a framework's own layers."""
        return self.backend in NATIVE_BACKENDS

    @property
    def feed_name(self) -> str:
        """How a loop is fed: `numpy`, `dataloader jpeg 2 workers`, `tf.data 16 steps per execution`."""
        workers = _counted(self.workers, "worker") if self.workers else ""
        together = f"{_counted(self.steps_per_execution, 'step')} per execution" if self.steps_per_execution else ""
        return " ".join(filter(None, (self.feed, self.source, workers, together)))

    def alike(self, **stand_ins: Any) -> tuple[Hashable, ...]:
        """The case's values with some replaced, to find cases that differ in these fields alone.

        Cheaper than the key of a changed copy, and equal where that is.

        Args:
            stand_ins: field → the value that stands in for all of its values; of `options` any hashable value.
        """
        values = list(_SIMPLE_VALUES(self))
        options = stand_ins.pop("options", None) or self.options_text
        for name, value in stand_ins.items():
            values[_PLACES[name]] = value
        return (*values, options, *self.inputs.items())

    @cached_property
    def options_text(self) -> str:
        """The options as canonical JSON."""
        return sys.intern(json.dumps(self.options, sort_keys=True))

    @cached_property
    def options_as_given(self) -> str:
        """The options as JSON, in the order in which they were given."""
        return sys.intern(json.dumps(self.options))

    def fields(self) -> dict[str, Any]:
        """Return the defining fields as JSON values, without the derived key."""
        return self.model_dump(exclude={"key"})

    def __hash__(self) -> int:
        return hash(self.key)


_SIMPLE_FIELDS = tuple(name for name in Case.model_fields if name not in ("options", "inputs"))
_SIMPLE_VALUES = attrgetter(*_SIMPLE_FIELDS)
_PLACES = {name: place for place, name in enumerate(_SIMPLE_FIELDS)}


def _counted(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"


def keras_backend(backend: Backend) -> KerasBackend:
    """The Keras backend on which the model of a case is built: `torch` for `native-torch`."""
    return _BUILT_ON[backend]
