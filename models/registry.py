"""The zoo's architectures by name; Keras is imported when a model is built."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from anatomy.models import (
    alexnet,
    googlenet,
    lstm,
    mlp,
    rcnn,
    resnet,
    text_cnn,
    unet,
    vgg,
    wide_resnet,
)
from anatomy.models.architecture import Architecture
from anatomy.models.suggestion import unknown_name

if TYPE_CHECKING:
    import keras

_ZOO = tuple(
    module.ARCHITECTURE for module in (mlp, lstm, alexnet, vgg, googlenet, resnet, wide_resnet, unet, rcnn, text_cnn)
)
# Names of architectures and of variants, with the options that each name stands for.
_NAMES: dict[str, tuple[Architecture, Mapping[str, Any]]] = {
    **{a.name: (a, {}) for a in _ZOO},
    **{variant: (a, options) for a in _ZOO for variant, options in a.variants.items()},
}


def zoo() -> tuple[Architecture, ...]:
    """Return all architectures, in the order of the slides."""
    return _ZOO


def names() -> tuple[str, ...]:
    """Return every name that can be built: architectures first, then their variants."""
    return tuple(_NAMES)


def find(name: str) -> tuple[Architecture, Mapping[str, Any]]:
    """Return the architecture that a name or a variant's name means, and the options that the name stands for.

    Raises:
        ValueError: there is no such name; the message names the nearest one.
    """
    if name not in _NAMES:
        raise ValueError(unknown_name("model", name, _NAMES))
    return _NAMES[name]


def build(name: str, *, variant: str | None = None, **options: Any) -> "keras.Model":
    """Build an architecture by its name or a variant's name; `options` override the variant's.

    Raises:
        ValueError: a name, variant or option is unknown (the message names the nearest valid one), or a value does not
            fit (the message says what was expected).
    """
    architecture, named = find(name)
    if variant is not None:
        if variant not in architecture.variants:
            raise ValueError(unknown_name(f"variant of {architecture.name}", variant, architecture.variants))
        named = {**named, **architecture.variants[variant]}
    complete = architecture.complete({**named, **options})
    with _channels_last():
        return architecture.builder()(**complete)


@contextmanager
def _channels_last() -> Iterator[None]:
    """Build channels last, as the zoo's shapes are, whatever the user's Keras configuration says."""
    import keras

    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_last")
    try:
        yield
    finally:
        keras.config.set_image_data_format(before)
