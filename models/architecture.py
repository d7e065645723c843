"""What is known of an architecture without building it: figures, sources, options and variants."""

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
    """One row of the zoo; holds no Keras object.

    Attributes:
        name: the name to build it by.
        title: the name to print.
        family: what its weight layers mostly are.
        year: of the paper.
        paper: citation with an address.
        published_error: quoted from the slides or the paper, empty where there is none.
        defaults: the builder's options and their default values, lists for shapes.
        variants: named sets of options, each completed by the defaults.
        loss_weights: weight in the training loss by output layer name; 1 where not named.
        claimed_parameters: as the slides or the paper claim for the default, null where they do not.
        module: the file that defines it; its `build` is the builder.
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
        """The function that builds the Keras model from complete options."""
        builder: Builder = importlib.import_module(self.module).build
        return builder

    def complete(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Check options, fill in the defaults and turn tuples into lists.

        Raises:
            ValueError: an unknown option (the nearest valid one is named), or a value that does not fit
                (what was expected is named).
        """
        return complete_options(self.name, importlib.import_module(self.module), options)


def describe(builder: Builder, *, name: str, **facts: Any) -> Architecture:
    """The architecture that `builder` builds; its defaults are those of the builder's signature."""
    module = inspect.getmodule(builder)
    return Architecture(name=name, module=builder.__module__, defaults=complete_options(name, module, {}), **facts)


def complete_options(name: str, module: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of `module.build`, checked and complete; `module.resolve` fills in what depends on others."""
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
    """The builder's signature as a pydantic model."""
    parameters = inspect.signature(builder).parameters.values()
    fields: dict[str, Any] = {p.name: (p.annotation, p.default) for p in parameters}
    config = ConfigDict(extra="forbid", validate_default=True, arbitrary_types_allowed=True)
    return create_model("Options", __config__=config, **fields)


def _problem(name: str, entry: Any) -> str:
    """One of pydantic's complaints with the architecture, the option and what was given."""
    option, *inside = entry["loc"]
    place = option + "".join(f"[{i}]" for i in inside if isinstance(i, int))
    text = entry["msg"].removeprefix("Value error, ")
    return f"{name}: {place}={entry['input']!r}: {text}"
