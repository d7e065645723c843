"""Models as text such as `vgg:depth=11,classes=10`: parsing and formatting."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from anatomy.models.architecture import Architecture
from anatomy.models.literals import format_value, parse_value, split_options
from anatomy.models.model_name import kind_of, split_name
from anatomy.models.registry import find, names


@dataclass(frozen=True)
class ModelSpec:
    """A model that can be built by `build_any(model, options)`.

    Attributes:
        model: canonical name of an architecture, `package.module:function`, `file.py:function`, or the path of a saved
            model.
        options: complete options of the zoo's builder, or the given options of a user's function.
    """

    model: str
    options: dict[str, Any] = field(default_factory=dict)


def parse_model(text: str) -> ModelSpec:
    """Parse `name`, `package.module:function`, `file.py:function` or a path, each with `:option=value,…` if it has any.

    A name is one of the zoo's architectures or variants. A function may also be joined by a dot,
    `keras.applications.ResNet50`. A path is that of a saved model (`.keras`, `.h5`, `.json`, a SavedModel's folder) and
    takes no options but `safe_mode=false`. Values are `64x64x3` (a list), `true`, `false`, `none`, numbers, plain
    strings, or JSON. For the zoo, a list of one may be written as the number alone.

    Raises:
        ValueError: the text, a name, an option or a value is wrong; the message says what was expected.
    """
    text = text.strip()
    head, _, rest = text.partition(":")
    if head in names():
        architecture, named = find(head)
        options = {**named, **_parse_options(rest, text)}
        return ModelSpec(architecture.name, architecture.complete(options))
    found = split_name(text)
    if found is None:
        # Without a function the text can only name a model of the zoo.
        find(head)
        raise ValueError(f"{text!r}: expected name:option=value,…")
    if kind_of(found.model) == "function":
        return ModelSpec(found.model, _parse_options(found.options, text))
    return ModelSpec(found.model, _options_of_saved(found.model, found.options, text))


def _options_of_saved(path: str, written: str, text: str) -> dict[str, Any]:
    """The options of a saved model: none, or `safe_mode=false` of one that Keras reads in its safe mode."""
    is_folder = kind_of(path) == "folder"
    options = _parse_or_nothing(written, text) if written else {}
    if written and (is_folder or set(options) != {"safe_mode"} or not isinstance(options["safe_mode"], bool)):
        raise ValueError(
            f"{path} is a saved model, complete as it is: it takes no options, got {written!r}; to vary it, name a"
            " function that builds it, file.py:build:option=value"
        )
    return {} if options.get("safe_mode", True) else options


def allow_code(text: str) -> str:
    """The text of a saved model that may run code it brings along: `model.keras:safe_mode=false`; others as they are.

    Raises:
        ValueError: as `parse_model`.
    """
    spec = parse_model(text)
    return format_model(spec.model, {"safe_mode": False}) if kind_of(spec.model) == "file" else text


def _parse_or_nothing(written: str, text: str) -> dict[str, Any]:
    try:
        return _parse_options(written, text)
    except ValueError:
        return {}


def format_model(model: str, options: Mapping[str, Any]) -> str:
    """Return the shortest text that `parse_model` reads as this model, without options at their defaults.

    Args:
        model: name of the zoo, `package.module:function`, `file.py:function`, or the path of a saved model.
        options: options with JSON values.
    """
    if kind_of(model) != "zoo":
        return _join(model, options)
    architecture, named = find(model)
    complete = architecture.complete({**named, **options})
    shown = complete
    for option in complete:
        rest = {o: v for o, v in shown.items() if o != option}
        if _completes_to(architecture, rest, complete):
            shown = rest
    # A list of one is read from the number alone.
    return _join(architecture.name, {o: v[0] if _is_single(v) else v for o, v in shown.items()})


def _completes_to(architecture: Architecture, options: dict[str, Any], complete: dict[str, Any]) -> bool:
    """Whether these options alone give the complete ones; some options are valid only with others."""
    try:
        return architecture.complete(options) == complete
    except ValueError:
        return False


def _is_single(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1


def _join(model: str, options: Mapping[str, Any]) -> str:
    written = ",".join(f"{option}={format_value(value)}" for option, value in options.items())
    return f"{model}:{written}" if written else model


def _parse_options(text: str, whole: str) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for part in split_options(text) if text else ():
        option, equals, value = part.strip().partition("=")
        if not equals or not option.isidentifier():
            raise ValueError(f"{whole!r}: expected option=value, got {part.strip()!r}")
        if option in options:
            raise ValueError(f"{whole!r}: option {option!r} is given twice")
        options[option] = parse_value(value.strip())
    return options
