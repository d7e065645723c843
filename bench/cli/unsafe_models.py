"""`--unsafe`: saved models may run code that they bring along."""

from __future__ import annotations

from collections.abc import Sequence

from anatomy.bench.errors.anatomy_error import UsageError


def allow_code_in(models: Sequence[str], *, unsafe: bool) -> list[str]:
    """The models of a command; with `unsafe`, those that are saved files are loaded out of Keras's safe mode.

    Raises:
        UsageError: a model's text is wrong, or `unsafe` is given and no model is a saved file.
    """
    from anatomy.models import allow_code

    if not unsafe:
        return list(models)
    try:
        allowed = [allow_code(model) for model in models]
    except ValueError as error:
        raise UsageError(str(error)) from error
    if not any(model.endswith(":safe_mode=false") for model in allowed):
        raise UsageError(
            "--unsafe lets a saved model (.keras, .h5, .json) run code that it brings along; name one, or leave it out"
        )
    return allowed
