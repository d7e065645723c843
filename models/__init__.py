"""A zoo of Keras 3 models: described without importing Keras, built on demand."""

from anatomy.models.architecture import Architecture
from anatomy.models.model_text import ModelSpec, format_model, parse_model
from anatomy.models.registry import build, find, names, zoo
from anatomy.models.user import build_any, build_with_data, resolve_user_function

__all__ = [
    "Architecture",
    "ModelSpec",
    "build",
    "build_any",
    "build_with_data",
    "find",
    "format_model",
    "names",
    "parse_model",
    "resolve_user_function",
    "zoo",
]
