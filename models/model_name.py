"""Names of models as text, read without Keras: of the zoo, a function, a saved file, or the folder of a SavedModel."""

import re
from pathlib import Path
from typing import Literal, NamedTuple

from anatomy.models.existing_path import is_file
from anatomy.models.source_file import read_source

Kind = Literal["zoo", "function", "file", "folder"]

# What Keras loads from one file. A JSON file holds the architecture alone.
SAVED_SUFFIXES = (".keras", ".h5", ".hdf5", ".json")
SAVED_MODEL_FILE = "saved_model.pb"

_SAVED = re.compile(r"(.+?(?:\.keras|\.h5|\.hdf5|\.json))(?::(.*))?", re.DOTALL)
_OTHER_FILES = {
    ".py": "is a Python file: name the function in it that builds the model, {place}:build",
    ".ipynb": "is a notebook: call anatomy.bench.measure(model) in it, or move the function to a file, model.py:build",
    ".pb": "is a part of a SavedModel: name its folder, {folder}/",
    **dict.fromkeys(
        (".pt", ".pth", ".onnx", ".tflite", ".safetensors", ".pkl", ".ckpt", ".bin"),
        "is no file that Keras builds a model from: save it with model.save('model.keras'), or name a function"
        " that builds it, model.py:build",
    ),
}
# Endings that no function has, so that the file need not be there to be told from a dotted name.
_NEVER_FUNCTIONS = frozenset({".py", ".ipynb", ".pth", ".onnx", ".tflite", ".safetensors", ".pkl", ".ckpt"})
_EXPECTED = (
    "expected a saved model (.keras, .h5, .json), the folder of a SavedModel, or a function, path/to/file.py:build"
)


class Named(NamedTuple):
    """A model's text in its parts.

    Attributes:
        model: what `build_any` takes: a name, `module:function`, `file.py:function`, or a path.
        options: what follows, `option=value,…` as written.
    """

    model: str
    options: str


def kind_of(model: str) -> Kind:
    """What a model's name, without options, stands for; the file system is not asked."""
    place, colon, _ = model.rpartition(":")
    if colon and (place.endswith(".py") or "/" not in model):
        return "function"
    if model.endswith(SAVED_SUFFIXES):
        return "file"
    return "folder" if "/" in model else "zoo"


def split_function(model: str) -> tuple[str, str]:
    """`package.module:function` → its module or file, and the function, which may have dots: `Maker.make`."""
    place, _, function = model.rpartition(":")
    return place, function


def split_name(text: str) -> Named | None:
    """Take a text apart that names no model of the zoo; `None` where it can only be a misspelt name of the zoo.

    A dotted name is written with a colon before the object: `keras.applications.ResNet50` becomes
    `keras.applications:ResNet50`, so that both are the same case.

    Raises:
        ValueError: it is a path to something that no model can be built from.
    """
    return _python_file(text) or _saved_file(text) or _folder(text) or _function(text)


def _python_file(text: str) -> Named | None:
    place, colon, rest = text.partition(".py:")
    if not colon or "=" in place.partition(":")[2]:
        return None
    function, _, options = rest.partition(":")
    if not is_dotted(function):
        raise ValueError(f"{text!r}: expected the name of a function after {place}.py:, got {function!r}")
    return Named(f"{place}.py:{function}", options)


def _saved_file(text: str) -> Named | None:
    match = _SAVED.fullmatch(text)
    if match is None:
        return None
    path, rest = match[1], match[2] or ""
    # `package.keras:build` is a function of a module; a colon or an equals sign of a path comes with a slash.
    _, colon, later = path.partition(":")
    if colon and ("/" not in path or "=" in later):
        return None
    if "/" not in path and is_dotted(path) and is_dotted(rest.partition(":")[0]):
        return None
    return Named(path, rest)


def _folder(text: str) -> Named | None:
    head, _, rest = text.partition(":")
    if "/" not in head and Path(head).suffix not in _NEVER_FUNCTIONS:
        if not rest and is_file(Path(head) / SAVED_MODEL_FILE):
            return Named(f"./{head}", "")
        if rest or not is_file(Path(head)):
            return None
    path = Path(head)
    remedy = _OTHER_FILES.get(path.suffix)
    if path.suffix == ".py" and is_file(path):
        remedy = f"is a Python file: name what builds the model, {{place}}:{_builders(path) or 'build'}"
    if remedy is not None or is_file(path):
        said = remedy.format(place=head, folder=path.parent) if remedy else f"is a file of another kind: {_EXPECTED}"
        raise ValueError(f"{head} {said}")
    if is_dotted(rest.partition(":")[0]):
        raise ValueError(f"{text!r}: {head} is no Python file; {_EXPECTED}")
    folder = head.rstrip("/") or "/"
    return Named(folder if "/" in folder else f"./{folder}", rest)


def _function(text: str) -> Named | None:
    head, _, rest = text.partition(":")
    function, _, options = rest.partition(":")
    if is_dotted(function):
        return Named(f"{head}:{function}", options)
    if "." in head and is_dotted(head):
        parts = head.split(".")
        # By convention classes begin with a capital, and modules do not.
        capital = (place for place, part in enumerate(parts) if place and part.lstrip("_")[:1].isupper())
        at = next(capital, len(parts) - 1)
        return Named(f"{'.'.join(parts[:at])}:{'.'.join(parts[at:])}", rest)
    return None


def _builders(path: Path) -> str:
    """What a file defines; empty where it cannot be read."""
    try:
        return "|".join(read_source(path).builders)
    except (SyntaxError, ValueError, OSError):
        return ""


def is_dotted(text: str) -> bool:
    """Whether a text is an identifier, or several joined by dots."""
    return all(part.isidentifier() for part in text.split("."))
