"""A zoo of Keras 3 models: described without importing Keras, built on demand."""

from anatomy.models.architecture import Architecture
from anatomy.models.check_model import check_model
from anatomy.models.find_object import holds_model, require_model, resolve_user_function
from anatomy.models.model_name import kind_of
from anatomy.models.model_text import ModelSpec, allow_code, format_model, parse_model
from anatomy.models.registry import build, find, names, zoo
from anatomy.models.user import BuiltModel, build_any, build_with_data, built_model
from anatomy.models.user_method import UserMethod

__all__ = [
    "Architecture",
    "BuiltModel",
    "ModelSpec",
    "UserMethod",
    "allow_code",
    "build",
    "build_any",
    "build_with_data",
    "built_model",
    "check_model",
    "find",
    "format_model",
    "holds_model",
    "kind_of",
    "names",
    "parse_model",
    "require_model",
    "resolve_user_function",
    "zoo",
]
