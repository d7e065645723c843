"""The description of an architecture: sources, published figures, options and variants, without building it."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from anatomy.models.suggestion import unknown_name

Family = Literal["mlp", "rnn", "cnn"]
Builder = Callable[..., Any]


@dataclass(frozen=True)
class Architecture:
    """An architecture of the zoo; holds no Keras object.

    Attributes:
        name: name to build it by.
        title: name to print.
        family: what most layers with weights are.
        year: year of the paper.
        paper: citation with an address.
        module: name of the module that defines it; its function `build` is the builder.
        defaults: the builder's options with their default values, lists for shapes.
        published_error: error quoted from the slides or the paper, empty where there is none.
        variants: named sets of options, each completed by the defaults.
        loss_weights: weight in the training loss by the name of the output layer; 1 where not named.
        claimed_parameters: parameter count that the slides or the paper claim for the defaults; `None` without one.
    """

    name: str
    title: str
    family: Family
    year: int
    paper: str
    module: str
    defaults: Mapping[str, Any]
    published_error: str = ""
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    loss_weights: Mapping[str, float] = field(default_factory=dict)
    claimed_parameters: int | None = None

    def builder(self) -> Builder:
        """Return the function that builds the Keras model from complete options."""
        builder: Builder = importlib.import_module(self.module).build
        return builder

    def complete(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Check options, fill in the defaults and turn tuples into lists.

        Raises:
            ValueError: an option is unknown (the message names the nearest valid one), or a value does not fit (the
                message says what was expected).
        """
        return complete_options(self.name, importlib.import_module(self.module), options)


def describe(builder: Builder, *, name: str, **facts: Any) -> Architecture:
    """Describe the architecture that `builder` builds, with the defaults of the builder's signature."""
    module = inspect.getmodule(builder)
    return Architecture(name=name, module=builder.__module__, defaults=complete_options(name, module, {}), **facts)


def complete_options(name: str, module: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Check and complete options of `module.build`; `module.resolve` fills in those that depend on others."""
    schema = _schema(module.build)
    for option in options:
        if option not in schema.model_fields:
            raise ValueError(unknown_name(f"{name}: option", option, schema.model_fields))
    try:
        complete = dict(schema(**options))
    except ValidationError as error:
        raise ValueError("; ".join(_problem(name, entry) for entry in error.errors())) from error
    resolve = getattr(module, "resolve", None)
    return complete if resolve is None else dict(resolve(complete))


@cache
def _schema(builder: Builder) -> type[BaseModel]:
    """Return the builder's signature as a pydantic model."""
    parameters = inspect.signature(builder).parameters.values()
    fields: dict[str, Any] = {p.name: (p.annotation, p.default) for p in parameters}
    config = ConfigDict(extra="forbid", validate_default=True, arbitrary_types_allowed=True)
    return create_model("Options", __config__=config, **fields)


def _problem(name: str, entry: Any) -> str:
    """Return one of pydantic's errors with the architecture, the option and the given value."""
    option, *inside = entry["loc"]
    place = option + "".join(f"[{i}]" for i in inside if isinstance(i, int))
    text = entry["msg"].removeprefix("Value error, ")
    return f"{name}: {place}={entry['input']!r}: {text}"
