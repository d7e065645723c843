"""Looks a model up by its name before anything runs: no module is imported, no framework, and no saved model loaded."""

import ast
import difflib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anatomy.models.check_imports import check_imports
from anatomy.models.existing_path import is_dir, is_file
from anatomy.models.find_definition import check_options, find_definition
from anatomy.models.find_source import FoundModule, find_top
from anatomy.models.model_name import SAVED_MODEL_FILE, kind_of, split_function
from anatomy.models.pretrained_weights import downloads_by_default, sentence
from anatomy.models.registry import find
from anatomy.models.saved_model import UNSAFE_REMEDY

_WEIGHTS_ENDING = ".weights.h5"
_WEIGHTS_ALONE = "{model} holds weights alone, and no architecture: save the model itself, model.save('model.keras')"


def check_model(model: str, options: Mapping[str, Any] | None, directory: Path) -> list[str]:
    """Find the mistakes in a model's name that can be found without running code.

    What is left (a name that a module makes when it is imported, an error of its code) is found when it is built.

    Args:
        model: name of the zoo, `package.module:function`, `file.py:function`, or the path of a saved model.
        options: of the model; `None` for a function that is called with something else.
        directory: where it will be built: relative paths begin there, and modules are looked for there first.

    Returns:
        Sentences for the user on how it will be built.

    Raises:
        ValueError: there is no such model, or it cannot be imported or loaded; says what was expected.
    """
    kind = kind_of(model)
    if kind == "zoo":
        find(model)
    elif kind == "function":
        definition = _check_function(model, directory)
        if definition is not None and options is not None:
            check_options(model, definition, options)
            return [sentence(model)] if "weights" not in options and downloads_by_default(definition) else []
    elif kind == "folder":
        _check_folder(model, directory / model)
    else:
        _check_file(model, directory / model, safe=(options or {}).get("safe_mode", True))
    return []


def _check_function(model: str, directory: Path) -> ast.stmt | None:
    """The definition that a name stands for, where the text of its module shows it."""
    place, function = split_function(model)
    parts = function.split(".")
    if place.endswith(".py"):
        path = directory / place
        if not is_file(path):
            raise ValueError(_no_file(place, path, directory))
        searched = [path.parent, directory]
        module = FoundModule(path.stem, path)
        check_imports(module, searched)
        return find_definition(module, parts, searched)
    parts = [*place.split("."), *parts]
    top = find_top(parts[0], [directory])
    if top is None:
        if is_file(directory / place):
            raise ValueError(f"{place} is a file of a saved model: name it alone, without {function!r}")
        raise ValueError(
            f"no module {place!r} in {directory} or among the installed packages; run from the folder that holds it,"
            f" or name the file: path/to/file.py:{function}"
        )
    return find_definition(top, parts[1:], [directory])


def _no_file(place: str, path: Path, directory: Path) -> str:
    # Without the ending, which all of them share.
    there = [other.stem for other in sorted(path.parent.glob("*.py"))] if is_dir(path.parent) else []
    near = difflib.get_close_matches(path.stem, there, n=1)
    return f"no file {place} (looked in {directory})" + (f"; did you mean '{near[0]}.py'?" if near else "")


def _check_folder(model: str, path: Path) -> None:
    if not is_dir(path):
        raise ValueError(f"no folder {model}: expected the folder of a SavedModel, with {SAVED_MODEL_FILE} in it")
    if not is_file(path / SAVED_MODEL_FILE):
        raise ValueError(f"{model} is a folder without {SAVED_MODEL_FILE}: expected that of a SavedModel")


def _check_file(model: str, path: Path, *, safe: bool) -> None:
    if not is_file(path):
        raise ValueError(f"no file {model} (looked in {path.parent.resolve()})")
    if model.endswith(_WEIGHTS_ENDING):
        raise ValueError(_WEIGHTS_ALONE.format(model=model))
    if path.suffix == ".keras":
        config = _packed_config(model, path)
    elif path.suffix == ".json":
        config = _config(model, path.read_bytes())
    else:
        config = _config_of_h5(model, path)
    if not isinstance(config, dict) or "class_name" not in config:
        raise ValueError(f"{model} does not describe a model: expected what model.save or model.to_json() writes")
    unsafe = _code_in(config)
    if unsafe and safe:
        raise ValueError(f"{model} holds {unsafe}, which Keras does not run in its safe mode: {UNSAFE_REMEDY}")


def _config_of_h5(model: str, path: Path) -> Any:
    # Keras itself needs it; no framework.
    import h5py

    try:
        with h5py.File(path, "r") as file:
            written = file.attrs.get("model_config")
    except OSError as error:
        raise ValueError(f"{model} is no HDF5 file: {error}") from error
    if written is None:
        raise ValueError(_WEIGHTS_ALONE.format(model=model))
    return _config(model, written)


def _packed_config(model: str, path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            return _config(model, archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(
            f"{model} is no .keras file: {error}; expected what model.save('model.keras') writes"
        ) from error


def _config(model: str, text: bytes | str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"{model} is not JSON: {error}") from error


def _code_in(config: Any) -> str:
    """What in a configuration is code that Keras's safe mode refuses; empty where nothing is."""
    if isinstance(config, dict):
        if config.get("class_name") == "__lambda__":
            return "the code of a Python lambda"
        if config.get("class_name") == "TFSMLayer":
            return "a TFSMLayer, which runs the graph of a SavedModel"
        config = list(config.values())
    return next(filter(None, map(_code_in, config)), "") if isinstance(config, list) else ""
