"""What the lifecycle of a model is run with, and the stages that follow from it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationError

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.errors.printable import first_mistake
from anatomy.bench.records.frozen import Frozen

# What `Model.export` calls each format, by the word for it in a stage's name.
FORMATS: dict[str, str] = {"SavedModel": "tf_saved_model", "ONNX": "onnx", "OpenVINO": "openvino"}
FIT = ("fit, first", "fit", "train_on_batch, first", "train_on_batch", "evaluate, first", "evaluate")
PREDICT = ("predict, first", "predict")
SAVE = ("save .keras", "load .keras", "save weights", "load weights")


class LifecycleOptions(Frozen):
    """A model that is built, trained, used, saved and exported.

    Attributes:
        application: tells these options from another application's.
        network: the model, as on the command line.
        batch_size: examples per step.
        batches: of an epoch, and of each pass over the data.
    """

    application: Literal["lifecycle"] = "lifecycle"
    network: str
    batch_size: int = Field(default=32, ge=1)
    batches: int = Field(default=8, ge=1)

    def stages(self) -> tuple[str, ...]:
        """The names of the stages, in order."""
        exported = [f"{step} {name}" for name in FORMATS for step in ("export", "load", "infer")]
        return ("build, compile", *FIT, *PREDICT, *SAVE, *exported)

    def of_case(self) -> dict[str, Any]:
        """What a case says of them: all but the defaults."""
        return self.model_dump(exclude_defaults=True) | {"network": self.network}


def lifecycle_options(**given: Any) -> LifecycleOptions:
    """The options, checked.

    Raises:
        UsageError: an option is wrong; the message names it.
    """
    try:
        return LifecycleOptions(**given)
    except ValidationError as error:
        raise UsageError(f"lifecycle: {first_mistake(error)}") from error
