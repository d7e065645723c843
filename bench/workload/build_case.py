"""The model of a case under its dtype policy, compiled, with data for it on the host."""

from __future__ import annotations

import inspect
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from anatomy.bench.backends import step as step_module
from anatomy.bench.backends.step import Batch
from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.errors.printable import one_line
from anatomy.bench.records.case import LOOPS, Case
from anatomy.bench.records.record_parts import DrawnInput
from anatomy.bench.workload.compile_model import compile_model, ordered_losses, trains_itself
from anatomy.bench.workload.double_precision import DOUBLE, widen
from anatomy.bench.workload.model_inputs import shapes_to_count
from anatomy.bench.workload.model_outputs import ModelOutput, as_tensor, model_outputs, require_call
from anatomy.bench.workload.own_data import read_own_data
from anatomy.bench.workload.synthetic_batch import SEED, InputPlan, draw_batch, plan_inputs

GIVEN = "given with the model"
FRAMEWORKS = ("tensorflow", "torch", "jax")
# Bases of Keras's layers that compute with TensorFlow on every backend.
_OF_TENSORFLOW = ("IndexLookup", "Hashing", "HashedCrossing", "TextVectorization")


@dataclass(frozen=True)
class Built:
    """A compiled model and a batch for it, on the host.

    Attributes:
        batch: what a step is given.
        plan: how inputs are drawn; `None` where they came with the model.
        targets: for each output, the loss whose targets are drawn; `None` where none are.
        unjudged: why a loss that does not go down says nothing; empty if it does.
        chosen_optimizer: whether Anatomy chose the optimizer for a model that it does not know: it may diverge.
    """

    model: Any
    batch: Batch
    plan: InputPlan | None = None
    targets: Sequence[str] | None = None
    outputs: Sequence[ModelOutput] = field(default=())
    unjudged: str = ""
    chosen_optimizer: bool = False

    def drawn(self) -> list[DrawnInput]:
        """What a record says of the inputs."""
        return self.plan.drawn() if self.plan is not None else _as_given(self.batch.x)

    def input_shapes(self) -> Any:
        """The shape of each input without the batch axis, as the counter takes them."""
        return shapes_to_count(self.model, self.batch.x)

    def other_inputs(self, number: int) -> Batch:
        """Other inputs of the same shapes: drawn anew, or given ones changed."""
        if self.plan is not None:
            return draw_batch(self.plan, (), None, seed=SEED + number)
        import keras

        rng = np.random.default_rng(SEED + number)
        return Batch(keras.tree.map_structure(lambda array: _changed(rng, array), self.batch.x))


def build(
    case: Case, imported: Callable[[], None] = lambda: None, *, batch_of_dataset: bool = False, double: bool = False
) -> Built:
    """The model under its dtype policy, compiled, with its optimizer and data.

    Args:
        imported: called when the builder's module is imported and nothing is built yet; not at all where importing
            builds the model.
        batch_of_dataset: whether a dataset that comes with the model says the batch size.
        double: in float64 instead of the case's policy; within `double_precision`.

    Raises:
        NotImplementedError: the model cannot be measured so; the message says what to give.
        ValueError: what was given does not fit the model.
    """
    import keras

    from anatomy.bench.workload.held_training import (
        compile_network,
        network_outputs,
        require_measurable_network,
        with_targets,
    )
    from anatomy.bench.workload.numpy_initialisers import numpy_initialisers
    from anatomy.bench.workload.target_kinds import target_kinds
    from anatomy.models import build_with_data, holds_model, kind_of
    from anatomy.models.held_network import HeldNetwork

    trains = case.mode in ("train", "fit")
    if trains and kind_of(case.model) == "folder":
        raise NotImplementedError(
            f"{case.model} is a SavedModel, which holds a graph of inference alone; use --mode infer"
        )
    # Not keras.utils.set_random_seed: it imports TensorFlow on every backend, time and memory that are not the model.
    random.seed(SEED)
    np.random.seed(SEED)
    if "torch" in sys.modules:
        # The weights of a module of the user's.
        sys.modules["torch"].manual_seed(SEED)
    keras.config.set_dtype_policy(DOUBLE if double else case.dtype)
    with numpy_initialisers(SEED):
        if not holds_model(case.model):
            imported()
        returned = build_with_data(case.model, case.options)
        model = returned.model
        is_held = isinstance(model, HeldNetwork)
        if is_held:
            require_measurable_network(case, model)
            if double:
                raise NotImplementedError(f"the weights of {case.model} stay in the dtype in which it has them")
        elif double:
            widen(model)
        own = None
        if returned.data is not None:
            own = read_own_data(returned.data, case.batch_size, datasets_own=batch_of_dataset)
            _require_measurable(own, case, batch_of_dataset)
        plan = plan_inputs(model, case.batch_size, case.inputs) if own is None else None
        x = own.x if own is not None else draw_batch(plan, (), None).x  # type: ignore[arg-type]  # one of them is there
        if not trains:
            require_call(model, case.model)
        outputs = network_outputs(model, x, own is None) if is_held else model_outputs(model, x)
        # The batch is drawn anew with its targets: one at a time is in memory, as in a user's program.
        del x
        if trains:
            _require_trainable(model, case.model, outputs)
            _require_own_signature(model, case.model)
        if is_held:
            training = compile_network(model, case, outputs, own if trains else None)
            own = with_targets(own, outputs, training) if own is not None and trains else own
        else:
            training = compile_model(model, case.jit, _loss_weights(case.model), outputs)
        if case.steps_per_execution:
            _run_together(model, case)
        kinds = None
        if own is not None:
            batch = own if trains else replace(own, y=None, sample_weight=None)
        else:
            kinds = target_kinds(ordered_losses(model, outputs), training.losses, outputs) if trains else None
            batch = draw_batch(plan, [output.shape for output in outputs], kinds)  # type: ignore[arg-type]
        if trains:
            _create_training_variables(model, batch)
            batch = _taken_by_own_step(case, model, batch)
    # The zoo's models are known to learn with the chosen one.
    chosen = training.chosen_optimizer and kind_of(case.model) != "zoo"
    return Built(model, batch, plan, kinds, outputs, training.unjudged, chosen)


def _require_measurable(own: Batch, case: Case, batch_of_dataset: bool) -> None:
    if case.steps_per_execution > 1 and own.dataset is not None:
        raise NotImplementedError(
            "a dataset that comes with the model is read as it is: compile the model with steps_per_execution instead"
            " of giving --steps-per-execution"
        )
    as_given = case.mode in LOOPS and own.dataset is not None and not batch_of_dataset
    if as_given and own.dataset_batch != case.batch_size:
        raise UsageError(
            f"the dataset that came with the model has batches of {own.dataset_batch} examples: {case.mode} reads them"
            f" as they are, so use --batch-size {own.dataset_batch}"
        )
    if case.devices > 1:
        raise NotImplementedError("data that come with a model are measured on one device; leave --devices out")


def _run_together(model: Any, case: Case) -> None:
    if case.backend == "torch" and case.steps_per_execution > 1:
        raise NotImplementedError("Keras on PyTorch runs one step per execution; leave --steps-per-execution out")
    model.steps_per_execution = case.steps_per_execution


def _require_trainable(model: Any, name: str, outputs: Sequence[ModelOutput]) -> None:
    if any("int" in output.dtype for output in outputs) and len(outputs) == 1:
        raise NotImplementedError(f"{name} has an integer output, which has no gradient; use --mode infer")
    if model.built and not model.trainable_variables:
        raise NotImplementedError(f"every weight of {name} is frozen, so there is nothing to train; use --mode infer")


def _require_own_signature(model: Any, name: str) -> None:
    """JAX's `train_step` is given the state, and returns it: one that is written for another backend cannot run.

    https://keras.io/guides/custom_train_step_in_jax/
    """
    import keras

    if keras.backend.backend() != "jax" or trains_itself(model) != "train_step":
        return
    parameters = inspect.signature(model.train_step).parameters.values()
    if not any(p.kind is p.VAR_POSITIONAL for p in parameters) and len(parameters) < 2:
        raise NotImplementedError(
            f"the train_step of {name} takes the data alone, as on TensorFlow and PyTorch; JAX gives it state and data:"
            " use another backend, or --mode infer"
        )


def _create_training_variables(model: Any, batch: Batch) -> None:
    """Create loss trackers and optimizer slots: inside a traced step they could not be."""
    import keras

    if not trains_itself(model) or batch.y is not None:
        arguments = batch.of_step(True)
        # Shapes and dtypes are all that is asked of them: only strings, which numpy has not, become tensors.
        data = keras.tree.map_structure(
            lambda leaf: as_tensor(leaf) if leaf.dtype.kind == "O" else leaf,
            arguments if isinstance(arguments, tuple) else (arguments,),
        )
        try:
            model._symbolic_build(data_batch=data)
        except Exception:
            # A model with a `train_step` of its own may compute its loss in no other place, and make no use of these.
            if not trains_itself(model):
                _require_compilable(model)
                raise
    if keras.backend.backend() == "jax" and not model.optimizer.built:
        # As `fit` does on JAX, where a step can make no variable.
        model.optimizer.build(model.trainable_variables)


def _require_compilable(model: Any) -> None:
    """Refuse what fails in training for layers that look up or hash with TensorFlow, on a backend that compiles.

    Raises:
        NotImplementedError: the model has such layers.
    """
    import keras

    if (backend := keras.backend.backend()) == "tensorflow":
        return
    kinds = {type(layer) for layer in model._flatten_layers()}
    of_tensorflow = sorted(kind.__name__ for kind in kinds if any(b.__name__ in _OF_TENSORFLOW for b in kind.__mro__))
    if of_tensorflow:
        raise NotImplementedError(
            f"the model has layers that compute with TensorFlow ({', '.join(of_tensorflow)}), which a training step on"
            f" {backend} cannot do: train on tensorflow, or move them into the data"
        )


def _taken_by_own_step(case: Case, model: Any, batch: Batch) -> Batch:
    """The batch as a `train_step` of the model's own takes it: inputs and targets, or the inputs alone.

    Raises:
        NotImplementedError: it takes neither, and calls another framework than the backend's.
        Exception: what the step raises if it takes neither.
    """
    if trains_itself(model) != "train_step":
        return batch
    backend = step_module.load(case.keras_backend)
    alone = replace(batch, y=None)
    # A model that was compiled with a loss is fitted on targets, one without on its inputs.
    forms = [batch, alone] if batch.y is not None and getattr(model, "loss", None) is not None else [alone, batch]
    refusals = []
    for form in forms:
        refusal = backend.refusal(model, form)
        if refusal is None:
            return form
        refusals.append(refusal)
    other = foreign_framework(type(model).train_step, case.keras_backend)
    if other:
        raise NotImplementedError(
            f"the train_step of {case.model} calls {other}, and fails on {case.backend} ({one_line(refusals[0])}):"
            f" use --backend {other}, or --mode infer"
        ) from refusals[0]
    raise refusals[0]


def foreign_framework(function: Any, backend: str) -> str:
    """A framework that a function calls and that is not the backend's: `tensorflow`; empty if there is none."""
    # `tf.function` keeps what it compiled; other decorators may hide it.
    function = inspect.unwrap(getattr(function, "python_function", function))
    if not inspect.isfunction(function):
        return ""
    seen = inspect.getclosurevars(function)
    modules = [
        value.__name__ for value in (*seen.nonlocals.values(), *seen.globals.values()) if inspect.ismodule(value)
    ]
    # An import within the function is a name of its code.
    names = {name.partition(".")[0] for name in (*modules, *function.__code__.co_names)}
    return next((name for name in FRAMEWORKS if name in names and name != backend), "")


def _as_given(x: Any) -> list[DrawnInput]:
    import keras

    return [
        DrawnInput(
            path="/".join(map(str, path)),
            shape=leaf.shape,
            dtype="string" if leaf.dtype.kind == "O" else leaf.dtype.name,
            range=(float(leaf.min()), float(leaf.max())) if leaf.size and leaf.dtype.kind in "iuf" else None,
            why=GIVEN,
        )
        for path, leaf in keras.tree.flatten_with_path(x)
    ]


def _changed(rng: np.random.Generator, array: Any) -> Any:
    """Floats with noise of their own scale; anything else shuffled within the batch, so that all values stay valid."""
    if array.dtype.kind == "f":
        return (array + (array.std() or 1.0) * rng.standard_normal(array.shape)).astype(array.dtype)
    return rng.permutation(array.ravel()).reshape(array.shape)


def _loss_weights(name: str) -> Mapping[str, float]:
    """The weights an architecture's paper gives to its outputs, by output name; empty for user models."""
    from anatomy.models import zoo

    return next((architecture.loss_weights for architecture in zoo() if architecture.name == name), {})
