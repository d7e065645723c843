"""Networks of other frameworks, as a user has them: modules of torch, and functions of JAX with parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

EXAMPLES, WORDS = 32, 50


def _images() -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).standard_normal((EXAMPLES, 3, 8, 8)).astype("float32")


def _classes(count: int = 5) -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).integers(0, count, EXAMPLES)


def cnn() -> Any:
    """Channels first, with batch normalisation and dropout."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(8, 5),
    )


def cnn_with_data() -> Any:
    """Inputs and targets of one's own."""
    return cnn(), _images(), _classes()


def cnn_with_inputs() -> Any:
    """Inputs alone: targets are drawn."""
    return cnn(), _images()


def cnn_with_numbers() -> Any:
    """Targets that a squared error takes."""
    return cnn(), _images(), np.ones((EXAMPLES, 5), "float32")


def cnn_with_pixels() -> Any:
    """Targets that no loss takes."""
    return cnn(), _images(), np.ones((EXAMPLES, 7), "int64")


def words() -> Any:
    """Token ids, and an embedding that is frozen."""
    import torch
    from torch import nn

    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(WORDS, 8)
            self.table.weight.requires_grad_(False)
            self.cells = nn.LSTM(8, 6, batch_first=True)
            self.head = nn.Linear(6, 4)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            outputs, _ = self.cells(self.table(ids))
            return self.head(outputs[:, -1])

    return Words()


def two_inputs() -> Any:
    """Arguments by name, and a dict of outputs."""
    import torch
    from torch import nn

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = nn.Linear(4, 3), nn.Linear(2, 3)

        def forward(self, left: torch.Tensor, right: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"sum": self.one(left) + self.other(right), "left": self.one(left)}

    rng = np.random.default_rng(0)
    return Two(), {
        "left": rng.standard_normal((EXAMPLES, 4)).astype("float32"),
        "right": rng.standard_normal((EXAMPLES, 2)).astype("float32"),
    }


def counting() -> Any:
    """What it computes depends on how often it was called: two sides cannot agree."""
    import torch
    from torch import nn

    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dense, self.calls = nn.Linear(6, 3), 0

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            return self.dense(inputs) * (1 + self.calls % 7)

    return Counting()


def lazy() -> Any:
    """A module whose weights have no shape yet."""
    from torch import nn

    return nn.LazyLinear(4)


def mlp() -> Any:
    """A function of JAX with a nested structure of parameters."""
    import jax

    def function(params: Any, inputs: Any) -> Any:
        hidden = jax.nn.relu(inputs @ params["layers"][0]["w"] + params["layers"][0]["b"])
        return hidden @ params["layers"][1]["w"] + params["layers"][1]["b"]

    rng = np.random.default_rng(0)
    sizes = [(6, 16), (16, 4)]
    layers = [
        {"w": (rng.standard_normal(s) / np.sqrt(s[0])).astype("float32"), "b": np.zeros(s[1], "float32")} for s in sizes
    ]
    return function, {"layers": layers}


def mlp_with_data() -> Any:
    """Data of one's own."""
    rng = np.random.default_rng(2)
    return *mlp(), rng.standard_normal((EXAMPLES, 6)).astype("float32"), rng.integers(0, 4, EXAMPLES)
