"""Images in JPEG files: read, decode, resize, augment and scale, as in training on photos.

The files are made from a seed: noise that is smooth at several scales, which compresses about as photos do.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from anatomy.bench.application.cached_corpus import written_once
from anatomy.bench.input_pipeline.source import InputForm, Source, read_file

# Counts up when the images change.
VERSION = 1
IMAGES = 256
SIDE = 256
QUALITY = 90
# Noise is drawn at these sides and enlarged; the coarser, the stronger.
SCALES = (4, 16, 64, 256)
# Before it is cropped, an image is larger than what the model takes by this.
MARGIN = 8 / 7
LARGEST_BYTE = 255

Array = np.ndarray[Any, Any]


def jpeg_source(form: InputForm, paths: Sequence[str] | None = None) -> Source:
    """Images for a model that takes one image of three channels.

    Args:
        paths: of JPEG files; made-up ones if null.

    Raises:
        NotImplementedError: the model takes something else, or Pillow is not installed.
    """
    if len(form.shape) != 3 or form.shape[-1] != 3:
        raise NotImplementedError(
            f"the source jpeg gives images of height × width × 3, and the model takes {form.shape}; give a source of"
            " your own, --source file.py:function"
        )
    try:
        import PIL  # noqa: F401
    except ImportError as error:
        raise NotImplementedError("the source jpeg needs Pillow; pip install 'keras-anatomy[input]'") from error
    files = list(paths) if paths is not None else sorted(map(str, made_up_images().iterdir()))
    height, width, _ = form.shape
    wide = (round(width * MARGIN), round(height * MARGIN))
    in_bytes = form.largest == LARGEST_BYTE
    # numpy has no bfloat16: Keras casts.
    dtype = "float32" if form.dtype == "bfloat16" else form.dtype
    steps: dict[str, Callable[[Any], Any]] = {
        "read": read_file,
        "decode": decode,
        "resize": partial(resize, size=wide),
        "augment": partial(augment, height=height, width=width),
        "scale": partial(scale, dtype=dtype, in_bytes=in_bytes),
    }
    native = partial(_tensorflow_steps, (height, width), wide, dtype, in_bytes)
    return Source(files, steps, native, sum(Path(path).stat().st_size for path in files))


def decode(data: bytes) -> Array:
    """Pixels, (height, width, 3), uint8."""
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def resize(pixels: Array, size: tuple[int, int]) -> Array:
    """To width × height, bilinear."""
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))


def augment(pixels: Array, height: int, width: int) -> Array:
    """A crop of height × width at a random place, mirrored every other time."""
    rng = np.random.default_rng()
    top = int(rng.integers(0, pixels.shape[0] - height + 1))
    left = int(rng.integers(0, pixels.shape[1] - width + 1))
    crop = pixels[top : top + height, left : left + width]
    return crop[:, ::-1] if rng.integers(0, 2) else crop


def scale(pixels: Array, dtype: str, in_bytes: bool) -> Array:
    """To the dtype that the model takes: from 0 to 255 as they are, or from -1 to 1."""
    scaled = pixels if in_bytes else pixels.astype("float32") / (LARGEST_BYTE / 2) - 1
    return scaled.astype(dtype)


def made_up_images() -> Path:
    """The folder of the made-up files in the user's cache, written where it is not there."""
    return written_once(f"jpeg-v{VERSION}-{IMAGES}", write_images)


def write_images(folder: Path, count: int = IMAGES, seed: int = 0) -> None:
    """Write JPEG files of `SIDE` × `SIDE`, three channels."""
    from PIL import Image

    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for number in range(count):
        layers = [_noise(rng, scale) for scale in SCALES]
        mean = sum(layer / rank for rank, layer in enumerate(layers, 1)) / sum(1 / r for r in range(1, 1 + len(layers)))
        pixels = np.clip(mean, 0, LARGEST_BYTE).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:04d}.jpg", quality=QUALITY)


def _noise(rng: np.random.Generator, side: int) -> Array:
    from PIL import Image

    drawn = rng.integers(0, LARGEST_BYTE + 1, (side, side, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(drawn).resize((SIDE, SIDE), Image.Resampling.BICUBIC), float)


def _tensorflow_steps(size: tuple[int, int], wide: tuple[int, int], dtype: str, in_bytes: bool) -> Callable[[Any], Any]:
    import tensorflow as tf

    def example(path: Any) -> Any:
        pixels = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        pixels = tf.image.resize(pixels, wide[::-1], antialias=True)
        pixels = tf.image.random_flip_left_right(tf.image.random_crop(pixels, (*size, 3)))
        return tf.cast(pixels if in_bytes else pixels / (LARGEST_BYTE / 2) - 1, dtype)

    return example
