"""The text application of the talk, stage by stage: from a folder of texts to a trained classifier.

It runs in this process, on the backend that Keras has here (`KERAS_BACKEND`).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anatomy.bench.application import text_folder
from anatomy.bench.application.stages import Stage, StageClock, stage_frame
from anatomy.bench.application.vocabulary import Vocabulary, split_words
from anatomy.bench.application.word_vectors import load_vectors
from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.models import build
from anatomy.models.suggestion import unknown_name

if TYPE_CHECKING:
    import pandas as pd

# Words of a text that each model reads, as on the slides.
LENGTHS = {"text_cnn": 1000, "rcnn": 50}
# Of a table that is trained from the start; one of vectors has theirs.
DIMENSION = 100


@dataclass(frozen=True)
class Epoch:
    """Loss and accuracy of one epoch, on the texts that it was trained on and on the others."""

    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float


@dataclass(frozen=True)
class TextApplication:
    """A trained classifier and what it took.

    Attributes:
        stages: in order; the first epoch compiles the training step.
        epochs: one for each.
        classes: names, by label.
        vocabulary: the words that the model knows.
        known: how many of them have a vector; `None` without vectors.
        length: words of a text that the model reads.
        model: ids → probabilities of the classes.
    """

    stages: tuple[Stage, ...]
    epochs: tuple[Epoch, ...]
    classes: tuple[str, ...]
    vocabulary: Vocabulary
    known: int | None
    length: int
    model: Any

    def stage_frame(self) -> pd.DataFrame:
        """A row a stage: seconds, share, examples/s, MB/s, peak MB."""
        return stage_frame(self.stages)

    def epoch_frame(self) -> pd.DataFrame:
        """A row an epoch: loss and accuracy in training and validation."""
        import pandas as pd

        frame = pd.DataFrame([vars(epoch) for epoch in self.epochs])
        return frame.set_index(pd.RangeIndex(1, len(frame) + 1, name="epoch"))

    def classify(self, texts: Sequence[str]) -> list[str]:
        """The class of each text: give it without a header if the model was trained so."""
        found = self.model.predict(self._ids(texts), verbose=0)
        return [self.classes[label] for label in np.argmax(found, axis=1)]

    def keywords(self, text: str, most: int = 5) -> list[str]:
        """The words that most units of the RCNN's maximum look at, the first of them most.

        Raises:
            UsageError: the model is no RCNN.
        """
        from anatomy.models.rcnn import keywords_model

        if "rcnn" not in [layer.name for layer in self.model.layers]:
            raise UsageError("only the RCNN has keywords: train with model='rcnn'")
        ids = self._ids([text])
        vectors = self.model.get_layer("embedding")(ids)
        positions = keywords_model(self.model.get_layer("rcnn")).predict(vectors, verbose=0)[0]
        words = self.vocabulary.words.to_pylist()
        chosen = (int(ids[0, position]) for position in positions.tolist())
        return [words[number - 1] for number, _ in Counter(number for number in chosen if number).most_common(most)]

    def _ids(self, texts: Sequence[str]) -> Any:
        return self.vocabulary.ids(split_words(texts), self.length)


def newsgroups(
    data: str | Path,
    *,
    vectors: str | Path | None = None,
    model: str = "text_cnn",
    headers: bool = False,
    train_embedding: bool | None = None,
    epochs: int = 2,
    words: int = 20_000,
    length: int | None = None,
    validation: float = 0.2,
    batch_size: int = 128,
    seed: int = 0,
) -> TextApplication:
    """Train a classifier on a folder of texts as the slides do, and time each stage.

    Args:
        data: one folder for each class, files named by digits; see `text_folder.scan`.
        vectors: a file of word vectors, such as glove.6B.100d.txt.
        model: `text_cnn` or `rcnn`.
        headers: leave the headers in, which tell the class.
        train_embedding: train the word vectors, too; by default only where no file gives them.
        words: ids of the vocabulary, padding included.
        length: words of a text that the model reads; by default 1000 for the text CNN and 50 for the RCNN.
        validation: share of the texts that is kept for validation, after a seeded shuffle.
        seed: of the shuffle and of the initial weights.

    Raises:
        UsageError: something is wrong with the folder, the file or an option; the message names it.
    """
    if model not in LENGTHS:
        raise UsageError(unknown_name("model of the text application", model, LENGTHS))
    length = LENGTHS[model] if length is None else length
    clock = StageClock()
    with clock.stage("scan") as stage:
        found = text_folder.scan(Path(data))
        stage.examples = len(found.paths)
    training, held_out = _split(len(found.paths), validation, seed)
    with clock.stage("read", len(found.paths)) as stage:
        contents = text_folder.read(found.paths)
        stage.size_bytes = sum(map(len, contents))
    with clock.stage("decode", len(found.paths)):
        texts = text_folder.decode(contents, found.paths, headers=headers)
    with clock.stage("tokenise", len(texts)):
        split = split_words(texts)
        vocabulary = Vocabulary.of(split, words)
    with clock.stage("pad", len(texts)):
        ids = vocabulary.ids(split, length)
    del contents, texts, split
    matrix, known = None, None
    if vectors is not None:
        with clock.stage("load vectors") as stage:
            loaded = load_vectors(Path(vectors))
            stage.examples, stage.size_bytes = len(loaded.words), Path(vectors).stat().st_size
        with clock.stage("embed", len(vocabulary.words)):
            matrix, known = loaded.embedding(vocabulary)
    with clock.stage("build"):
        _seed(seed)
        trained = matrix is None if train_embedding is None else train_embedding
        network = _network(model, len(vocabulary.words) + 1, matrix, trained, length, len(found.classes))
    with clock.stage("compile"):
        network.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = (ids[training], found.labels[training]), (ids[held_out], found.labels[held_out])
    history = []
    for number in range(1, epochs + 1):
        with clock.stage(f"epoch {number}", len(training)):
            logs = network.fit(*x, batch_size=batch_size, epochs=1, verbose=0).history
        name = "evaluate" if epochs == 1 else f"evaluate {number}"
        with clock.stage(name, len(held_out)):
            loss, accuracy = network.evaluate(*y, batch_size=batch_size, verbose=0)
        history.append(Epoch(logs["loss"][0], logs["accuracy"][0], float(loss), float(accuracy)))
    with clock.stage("predict", len(held_out)):
        network.predict(y[0], batch_size=batch_size, verbose=0)
    return TextApplication(tuple(clock.stages), tuple(history), found.classes, vocabulary, known, length, network)


def _split(count: int, validation: float, seed: int) -> tuple[Any, Any]:
    """Shuffled places of the texts for training, and of the last share of them."""
    if not 0 < validation < 1 or not 1 <= int(validation * count) < count:
        raise UsageError(
            f"validation={validation}: expected a share between 0 and 1 that leaves some of {count} texts on each side"
        )
    order = np.random.default_rng(seed).permutation(count)
    held_out = int(validation * count)
    return order[:-held_out], order[-held_out:]


def _seed(seed: int) -> None:
    """Not keras.utils.set_random_seed, which imports TensorFlow on every backend."""
    import keras

    random.seed(seed)
    np.random.seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.random.set_seed(seed)
    elif keras.backend.backend() == "torch":
        import torch

        torch.manual_seed(seed)


def _network(model: str, ids: int, matrix: Any, trained: bool, length: int, classes: int) -> Any:
    import keras

    width = DIMENSION if matrix is None else matrix.shape[1]
    try:
        if model == "text_cnn":
            options = {"embedding_matrix": matrix, "trainable_embedding": trained}
            return build(model, vocabulary=ids, embedding_dim=width, length=length, classes=classes, **options)
        network = build(model, words=length, embedding_dim=width, classes=classes)
    except ValueError as error:
        raise UsageError(str(error)) from error
    weights = None if matrix is None else [matrix]
    words = keras.Input((length,), dtype="int32", name="input")
    table = keras.layers.Embedding(ids, width, weights=weights, trainable=trained, name="embedding")
    return keras.Model(words, network(table(words)), name="rcnn_application")
