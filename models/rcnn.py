"""RCNN: words in their left and right context, max pooling over the text, a classifier.

Lai, Xu, Liu, Zhao (2015), Recurrent convolutional neural networks for text classification, AAAI,
https://ojs.aaai.org/index.php/AAAI/article/view/9513, equations 1–7; LSTMs for the contexts as on the slides.

    input                    50 words × 100
    LSTM 200 forwards        50 × 200       left context, of the words before    (1)
    LSTM 200 backwards       50 × 200       right context, of the words after    (2)
    joined with the word     50 × 500                                            (3)
    dense 100, tanh          50 × 100                                            (4)
    max over the words       100            its positions are the keywords       (5)
    dense                    1 sigmoid (softmax for more classes)                (6, 7)

Parameters: 531,801; up to the keywords 531,700.
"""

from typing import TYPE_CHECKING, Any

from anatomy.models.architecture import describe
from anatomy.models.option_types import Count
from anatomy.models.output import output_activation

if TYPE_CHECKING:
    import keras


def build(
    words: Count | None = 50,
    embedding_dim: Count = 100,
    lstm_units: Count = 200,
    dense_units: Count = 100,
    classes: Count = 1,
    literal: bool = False,
    keywords: bool = False,
) -> "keras.Model":
    """Word vectors (N, words, embedding_dim) → (N, classes), or the keywords' positions.

    Args:
        words: words of a text, or None for any number.
        embedding_dim: length of a word vector.
        lstm_units: units of each context.
        dense_units: units of the semantic layer, the number of maxima.
        classes: outputs; one has a sigmoid, more a softmax.
        literal: the slides' network as printed: the right context left in reversed time, and both
            contexts include the word itself. Its counts are the same; what it computes is not.
        keywords: the second model instead: (N, dense_units), int32, the position of the word that
            is largest in each unit. It has no gradient, so it is for inference only.
    """
    model, positions = build_with_keywords(
        words=words,
        embedding_dim=embedding_dim,
        lstm_units=lstm_units,
        dense_units=dense_units,
        classes=classes,
        literal=literal,
    )
    return positions if keywords else model


def build_with_keywords(
    words: int | None = 50,
    embedding_dim: int = 100,
    lstm_units: int = 200,
    dense_units: int = 100,
    classes: int = 1,
    literal: bool = False,
) -> "tuple[keras.Model, keras.Model]":
    """The classifier and the model of the keywords' positions, on the same layers; options as for `build`."""
    import keras

    from anatomy.models.tensor_layers import ArgMaxTime

    word_vectors = keras.Input((words, embedding_dim), name="input")
    left, right = _contexts(word_vectors, lstm_units, literal)
    together = keras.layers.Concatenate(name="word_in_context")([left, word_vectors, right])
    semantic = keras.layers.Dense(dense_units, activation="tanh", name="semantic")(together)
    pooled = keras.layers.GlobalMaxPooling1D(name="max_over_words")(semantic)
    outputs = keras.layers.Dense(classes, activation=output_activation(classes), dtype="float32", name="predictions")(
        pooled
    )
    positions = ArgMaxTime(name="keywords")(semantic)
    return (
        keras.Model(word_vectors, outputs, name="rcnn"),
        keras.Model(word_vectors, positions, name="rcnn_keywords"),
    )


def _contexts(word_vectors: Any, units: int, literal: bool) -> tuple[Any, Any]:
    """Left and right context of every word, (N, words, units) each."""
    import keras

    from anatomy.models.tensor_layers import FlipTime

    left = keras.layers.LSTM(units, return_sequences=True, name="left_context")(word_vectors)
    right = keras.layers.LSTM(units, return_sequences=True, go_backwards=True, name="right_context")(word_vectors)
    if literal:
        return left, right
    # Keras returns the outputs of a backward LSTM in the order it read the words: last word first.
    right = FlipTime(name="right_flipped")(right)
    # Equations 1 and 2: the context of a word ends one word before it, and is empty at the edge.
    left = keras.layers.ZeroPadding1D((1, 0), name="left_padded")(left)
    left = keras.layers.Cropping1D((0, 1), name="left_shifted")(left)
    right = keras.layers.ZeroPadding1D((0, 1), name="right_padded")(right)
    right = keras.layers.Cropping1D((1, 0), name="right_shifted")(right)
    return left, right


ARCHITECTURE = describe(
    build,
    name="rcnn",
    title="RCNN",
    family="rnn",
    year=2015,
    paper="Lai, Xu, Liu, Zhao (2015), Recurrent convolutional neural networks for text classification, "
    "https://ojs.aaai.org/index.php/AAAI/article/view/9513",
    published_error="20 Newsgroups (4 groups): macro-F1 96.49 %",
    variants={"rcnn-literal": {"literal": True}, "rcnn-keywords": {"keywords": True}},
)
