"""Arguments of a model's `call` besides its inputs."""

from __future__ import annotations

import inspect
from typing import Any


def inference(model: Any) -> dict[str, bool]:
    """`training=False`, for a model whose `call` takes it."""
    return {"training": False} if "training" in inspect.signature(model.call).parameters else {}
