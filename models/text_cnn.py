"""One-dimensional convolutions over embedded words: the slides' 20 Newsgroups classifier.

Convolutions over words as in Kim (2014), Convolutional neural networks for sentence classification,
https://arxiv.org/abs/1408.5882.

    input                1000 word ids (int32)
    embedding 100        1000 × 100
    conv 5 (128), pool 5 996 × 128  →  199
    conv 5 (128), pool 5 195 × 128  →  39
    conv 5 (128)         35 × 128
    max over the text    128
    dense 128            ReLU
    dense                20 softmax

Parameters: 2,247,316.
"""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator

from anatomy.models.architecture import describe
from anatomy.models.option_types import Count, shape_text
from anatomy.models.output import classifier

if TYPE_CHECKING:
    import keras

FILTERS, KERNEL, POOL = 128, 5, 5
# Three convolutions of 5 with two pools of 5 between them leave one position of 149 words.
SHORTEST = 149


def _long_enough(length: int | None) -> int | None:
    if length is not None and length < SHORTEST:
        raise ValueError(f"a text of {length} words is too short for its poolings; the shortest is {SHORTEST}")
    return length


def build(
    vocabulary: Count = 20_000,
    embedding_dim: Count = 100,
    length: Annotated[Count | None, AfterValidator(_long_enough)] = 1000,
    classes: Count = 20,
    embedding_matrix: Any = None,
    trainable_embedding: bool = True,
) -> "keras.Model":
    """Build the classifier: word ids (N, length), int32 below `vocabulary`, → (N, classes).

    Args:
        vocabulary: number of word ids.
        embedding_dim: length of a word vector.
        length: number of words of a text, at least 149; `None` for any number.
        classes: number of outputs.
        embedding_matrix: array (vocabulary, embedding_dim) of pre-trained word vectors such as GloVe's;
            `None` for random ones.
        trainable_embedding: whether training changes the word vectors.
    """
    import keras

    weights = None if embedding_matrix is None else [embedding_matrix]
    ids = keras.Input((length,), dtype="int32", name="input")
    x = keras.layers.Embedding(
        vocabulary, embedding_dim, weights=weights, trainable=trainable_embedding, name="embedding"
    )(ids)
    for number in (1, 2, 3):
        x = keras.layers.Conv1D(FILTERS, KERNEL, activation="relu", name=f"conv{number}")(x)
        if number < 3:
            x = keras.layers.MaxPooling1D(POOL, name=f"pool{number}")(x)
    # The slides' MaxPooling1D(35) covers the whole text only for lengths from 999 to 1023.
    x = keras.layers.GlobalMaxPooling1D(name="max_over_text")(x)
    x = keras.layers.Dense(128, activation="relu", name="dense")(x)
    outputs = classifier(classes)(x)
    return keras.Model(ids, outputs, name="text_cnn")


def resolve(options: dict[str, Any]) -> dict[str, Any]:
    """Refuse an embedding matrix whose shape is not that of the embedding."""
    expected = (options["vocabulary"], options["embedding_dim"])
    matrix = options["embedding_matrix"]
    if matrix is not None and getattr(matrix, "shape", None) != expected:
        given = getattr(matrix, "shape", None)
        raise ValueError(
            "text_cnn: embedding_matrix: expected an array of shape (vocabulary, embedding_dim) = "
            f"{shape_text(expected)}, got {type(matrix).__name__ if given is None else shape_text(given)}"
        )
    return options


ARCHITECTURE = describe(
    build,
    name="text_cnn",
    title="Text CNN",
    family="cnn",
    year=2016,
    paper="Chollet (2016), Using pre-trained word embeddings in a Keras model, "
    "https://blog.keras.io/using-pre-trained-word-embeddings-in-a-keras-model.html",
    published_error="20 Newsgroups: accuracy 95 % after 2 epochs with GloVe, 90 % without "
    "(not reproducible with the code shown)",
    variants={"text-cnn-frozen": {"trainable_embedding": False}},
)
