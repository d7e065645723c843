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
from anatomy.bench.application.newsgroups_options import NewsgroupsOptions, newsgroups_options
from anatomy.bench.application.stages import Stage, StageClock, stage_frame
from anatomy.bench.application.vocabulary import Vocabulary, split_words
from anatomy.bench.application.word_vectors import load_vectors
from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.models import build

if TYPE_CHECKING:
    import pandas as pd

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
        data: one folder for each class, files named by digits; `synthetic` or `synthetic:2000` for a made-up corpus of
            that many texts; `sklearn` for those that scikit-learn has downloaded.
        vectors: a file of word vectors, such as glove.6B.100d.txt; `synthetic` for those of the made-up corpus.
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
    options = newsgroups_options(
        data=str(data),
        vectors=None if vectors is None else str(vectors),
        network=model,
        headers=headers,
        train_embedding=train_embedding,
        epochs=epochs,
        words=words,
        length=length,
        validation=validation,
        batch_size=batch_size,
    )
    return run_newsgroups(options, seed, StageClock())


def run_newsgroups(
    options: NewsgroupsOptions, seed: int, clock: StageClock, *, cached_vectors: bool = True
) -> TextApplication:
    """Run the application as `newsgroups` does, timed by `clock`.

    Args:
        cached_vectors: take the binary copy of a file of vectors where there is one, and leave one.

    Raises:
        UsageError: something is wrong with the folder, the file or an option; the message names it.
    """
    folder, vectors_file = options.folder, options.vectors_file
    texts = _read_texts(folder, options, clock)
    training, held_out = _split(len(texts.labels), options.validation, seed)
    matrix, known = None, None
    if vectors_file is not None:
        with clock.stage("load vectors") as stage:
            loaded = load_vectors(vectors_file, cache=cached_vectors)
            stage.examples, stage.size_bytes = len(loaded.words), vectors_file.stat().st_size
        with clock.stage("embed", len(texts.vocabulary.words)):
            matrix, known = loaded.embedding(texts.vocabulary)
    with clock.stage("build"):
        _seed(seed)
        network = _network(options, len(texts.vocabulary.words) + 1, matrix, len(texts.classes))
    with clock.stage("compile"):
        network.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    epochs = _train(network, texts, training, held_out, options, clock)
    return TextApplication(
        tuple(clock.stages), epochs, texts.classes, texts.vocabulary, known, options.read_length, network
    )


@dataclass(frozen=True)
class _Texts:
    """Texts as ids, (texts, length), with their labels and what the ids stand for."""

    ids: Any
    labels: Any
    classes: tuple[str, ...]
    vocabulary: Vocabulary


def _read_texts(folder: Path, options: NewsgroupsOptions, clock: StageClock) -> _Texts:
    with clock.stage("scan") as stage:
        found = text_folder.scan(folder)
        stage.examples = len(found.paths)
    with clock.stage("read", len(found.paths)) as stage:
        contents = text_folder.read(found.paths)
        stage.size_bytes = sum(map(len, contents))
    with clock.stage("decode", len(found.paths)):
        texts = text_folder.decode(contents, found.paths, headers=options.headers)
    with clock.stage("tokenise", len(texts)):
        split = split_words(texts)
        vocabulary = Vocabulary.of(split, options.words)
    with clock.stage("pad", len(texts)):
        ids = vocabulary.ids(split, options.read_length)
    return _Texts(ids, found.labels, found.classes, vocabulary)


def _train(
    network: Any, texts: _Texts, training: Any, held_out: Any, options: NewsgroupsOptions, clock: StageClock
) -> tuple[Epoch, ...]:
    """Epochs, each followed by an evaluation; then a prediction of the texts that were held out."""
    x, y = (texts.ids[training], texts.labels[training]), (texts.ids[held_out], texts.labels[held_out])
    epochs = []
    with clock.stage("input", len(training)):
        # What an epoch's batches take without the model: the most that its steps may wait for them.
        for start in range(0, len(training), options.batch_size):
            for array in x:
                array[start : start + options.batch_size].copy()
    for number in range(1, options.epochs + 1):
        with clock.stage(f"epoch {number}", len(training)) as epoch:
            logs = network.fit(*x, batch_size=options.batch_size, epochs=1, verbose=0).history
            epoch.loss, epoch.accuracy = float(logs["loss"][0]), float(logs["accuracy"][0])
        with clock.stage(f"evaluate {number}", len(held_out)) as evaluation:
            figures = network.evaluate(*y, batch_size=options.batch_size, verbose=0)
            evaluation.loss, evaluation.accuracy = map(float, figures)
        epochs.append(Epoch(epoch.loss, epoch.accuracy, evaluation.loss, evaluation.accuracy))
    with clock.stage("predict", len(held_out)):
        network.predict(y[0], batch_size=options.batch_size, verbose=0)
    return tuple(epochs)


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


def _network(options: NewsgroupsOptions, ids: int, matrix: Any, classes: int) -> Any:
    import keras

    width, length = DIMENSION if matrix is None else matrix.shape[1], options.read_length
    trained = matrix is None if options.train_embedding is None else options.train_embedding
    try:
        if options.network == "text_cnn":
            table = {"embedding_matrix": matrix, "trainable_embedding": trained}
            return build("text_cnn", vocabulary=ids, embedding_dim=width, length=length, classes=classes, **table)
        network = build(options.network, words=length, embedding_dim=width, classes=classes)
    except ValueError as error:
        raise UsageError(str(error)) from error
    weights = None if matrix is None else [matrix]
    words = keras.Input((length,), dtype="int32", name="input")
    embedding = keras.layers.Embedding(ids, width, weights=weights, trainable=trained, name="embedding")
    return keras.Model(words, network(embedding(words)), name="rcnn_application")
