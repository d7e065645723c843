"""Every public layer of Keras is decided upon, once."""

from __future__ import annotations

import keras

from anatomy.bench.counting.formulas import FORMULAS
from anatomy.bench.counting.known_layers import FOLDED, UNTRACEABLE, WITHOUT_KERNEL, WRAPPERS, classify

# Opened like a user's layer: what they hold or compute decides.
OPENED = ("Lambda", "MelSpectrogram", "Pipeline", "ReversibleEmbedding", "STFTSpectrogram")
GROUPS = (tuple(FORMULAS), WITHOUT_KERNEL, FOLDED, UNTRACEABLE, WRAPPERS, OPENED)
# Not called on tensors of a model by themselves: base classes and the cells of recurrent layers.
NOT_LAYERS = {"Layer", "Wrapper", "InputSpec", "SimpleRNNCell", "GRUCell", "LSTMCell", "StackedRNNCells"}


def test_every_public_layer_is_decided_upon() -> None:
    decided = {getattr(keras.layers, name) for group in GROUPS for name in group}
    public = {name: value for name in dir(keras.layers) if isinstance(value := getattr(keras.layers, name), type)}
    assert {name for name, value in public.items() if value not in decided} == NOT_LAYERS


def test_no_layer_is_decided_upon_twice() -> None:
    names = [name for group in GROUPS for name in group]
    assert len(names) == len(set(names))


def test_subclass_counts_as_its_base_until_it_overrides_call() -> None:
    class Named(keras.layers.Dense):
        pass

    class Changed(keras.layers.Dense):
        def call(self, inputs: object) -> object:
            return super().call(inputs)

    assert classify(Named(3)) == ("formula", "Dense")
    assert classify(Changed(3)) == ("open", "")
