"""The sources: JPEG files and texts, and how their steps are timed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anatomy.bench.input_pipeline import jpeg_files, text_files
from anatomy.bench.input_pipeline.source import TIMED_EXAMPLES, InputForm, Source, read_file


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("jpeg") / "files"
    jpeg_files.write_images(folder, 6)
    return sorted(map(str, folder.iterdir()))


def test_made_up_images_are_jpeg_files_of_the_size_of_photos(images: list[str]) -> None:
    for path in images:
        with Image.open(path) as image:
            assert (image.format, image.size, image.mode) == ("JPEG", (jpeg_files.SIDE, jpeg_files.SIDE), "RGB")
        # Between a flat colour (about 1 kB) and noise (about 90 kB).
        assert 8_000 < Path(path).stat().st_size < 60_000
    assert len({read_file(path) for path in images}) == len(images)


@pytest.mark.parametrize(
    ("dtype", "largest", "low", "high"),
    [("float32", None, -1, 1), ("float32", 255, 0, 255), ("uint8", 255, 0, 255), ("bfloat16", None, -1, 1)],
)
def test_an_image_has_the_shape_and_scale_that_the_model_takes(
    images: list[str], dtype: str, largest: float | None, low: float, high: float
) -> None:
    source = jpeg_files.jpeg_source(InputForm((48, 40, 3), dtype, largest), images)
    assert source.tensorflow is not None
    native = source.tensorflow()
    for number in range(8):
        for found in (source.example(number), native(images[number % 6]).numpy()):
            assert found.shape == (48, 40, 3)
            assert found.dtype == ("float32" if dtype == "bfloat16" else dtype)
            assert low <= found.min() < low + (high - low) / 2 < found.max() <= high
    assert source.size_bytes == sum(len(read_file(path)) for path in images)


def test_both_ways_read_the_same_pixels(images: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without enlarging and cropping at random the two ways are the same image, up to decoding and mirroring."""
    monkeypatch.setattr(jpeg_files, "MARGIN", 1.0)
    source = jpeg_files.jpeg_source(InputForm((64, 64, 3), "float32", 255), images)
    assert source.tensorflow is not None
    native = source.tensorflow()
    for number, path in enumerate(images):
        ours = source.example(number)
        theirs = native(path).numpy()
        assert min(np.abs(ours - theirs).mean(), np.abs(ours - theirs[:, ::-1]).mean()) < 2


def test_an_image_that_does_not_fit_is_said() -> None:
    with pytest.raises(NotImplementedError, match=r"gives images of height × width × 3, and the model takes \(28, 28,"):
        jpeg_files.jpeg_source(InputForm((28, 28, 1), "float32", None))


def test_augmented_images_differ(images: list[str]) -> None:
    pixels = jpeg_files.decode(read_file(images[0]))
    crops = {jpeg_files.augment(pixels, 200, 200).tobytes() for _ in range(10)}
    assert len(crops) == 10


@pytest.mark.long
def test_texts_are_the_words_that_keras_finds() -> None:
    form = InputForm((50,), "int32", 5000)
    source = text_files.text_source(form)
    assert source.tensorflow is not None
    native = source.tensorflow()
    for number in range(0, 2000, 100):
        ours, theirs = source.example(number), native(source.items[number]).numpy()
        assert ours.shape == theirs.shape == (50,)
        assert 0 < ours.max() <= 5000
        # Keras keeps id 1 for words that are not known, where ours are left out.
        assert (theirs[theirs > 1] - 1).tolist() == ours[: (theirs > 1).sum()].tolist()


def test_a_text_loses_its_header_and_its_case() -> None:
    assert text_files.decode(b"Newsgroups: sci.space\nSubject: x\n\nThe \xe9t\xe9,\n\nsecond") == "The été,\n\nsecond"
    assert text_files.decode(b"no header") == "no header"
    assert text_files.tokenise("The  Moon's\torbit, is (round).") == ["the", "moon's", "orbit", "is", "round"]


@pytest.mark.parametrize("form", [InputForm((8, 8), "int32", 10), InputForm((8,), "float32", None)])
def test_a_model_without_a_table_of_words_is_said(form: InputForm) -> None:
    with pytest.raises(NotImplementedError, match="the source text gives rows of word ids"):
        text_files.text_source(form)


def test_each_step_is_timed_for_one_example() -> None:
    now = 0.0
    seen: list[int] = []

    def takes(seconds: float) -> Iterator[None]:
        nonlocal now
        now += seconds
        yield

    def read(item: int) -> int:
        seen.append(item)
        next(takes(0.001))
        return item

    def decode(item: int) -> int:
        next(takes(0.003))
        return item

    source = Source([7, 8, 9], {"read": read, "decode": decode})
    assert source.step_seconds(lambda: now) == pytest.approx({"read": 0.001, "decode": 0.003})
    # Half a second is enough, and so are two hundred.
    assert len(seen) == pytest.approx(0.5 / 0.004, abs=1)
    assert seen[:4] == [7, 8, 9, 7]
    slow_clock = Source([io.BytesIO()], {"read": lambda item: item})
    slow_clock.step_seconds(lambda: 0.0)
    assert TIMED_EXAMPLES == 200
