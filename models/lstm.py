"""Stacked LSTM for sequence classification, as on the slides; also stateful.

Stacked as in Graves, Mohamed, Hinton (2013), https://arxiv.org/abs/1303.5778.

    input      8 steps × 16
    lstm 32    8 × 32        (× layers − 1, the whole sequence)
    lstm 32    32            the last step
    dense      10            softmax (sigmoid for one class)

Parameters: 23,242.
"""

from typing import TYPE_CHECKING, Any

from anatomy.models.architecture import describe
from anatomy.models.option_types import Count
from anatomy.models.output import classifier

if TYPE_CHECKING:
    import keras

STATEFUL_BATCH_SIZE = 32


def build(
    timesteps: Count = 8,
    features: Count = 16,
    units: Count = 32,
    layers: Count = 3,
    classes: Count = 10,
    stateful: bool = False,
    batch_size: Count | None = None,
) -> "keras.Model":
    """Build a stack of LSTMs and a classifier: (N, timesteps, features) → (N, classes).

    Args:
        timesteps: number of steps of a sequence.
        features: number of features of a step.
        units: number of units of each LSTM.
        layers: number of LSTMs.
        classes: number of outputs; one has a sigmoid, more have a softmax.
        stateful: whether states are kept from one batch to the next, which fixes the batch size. Backends differ: JAX
            drops the state between batches, on torch `fit` raises an in-place error.
        batch_size: number of examples in each batch when stateful; 32, as on the slides, unless given.
    """
    import keras

    stack = [keras.Input((timesteps, features), batch_size=batch_size, name="input")]
    for number in range(1, layers + 1):
        stack.append(
            keras.layers.LSTM(units, return_sequences=number < layers, stateful=stateful, name=f"lstm_{number}")
        )
    stack.append(classifier(classes))
    return keras.Sequential(stack, name="lstm")


def resolve(options: dict[str, Any]) -> dict[str, Any]:
    """Give a stateful network the slides' batch size where it has none."""
    if options["stateful"] and options["batch_size"] is None:
        return {**options, "batch_size": STATEFUL_BATCH_SIZE}
    return options


ARCHITECTURE = describe(
    build,
    name="lstm",
    title="Stacked LSTM",
    family="rnn",
    year=1997,
    paper="Hochreiter, Schmidhuber (1997), Long Short-Term Memory, https://doi.org/10.1162/neco.1997.9.8.1735",
    variants={"lstm-stateful": {"stateful": True}},
)
