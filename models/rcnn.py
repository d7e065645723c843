"""RCNN: words in their left and right context, max pooling over the text, a classifier.

Equations 1–7 of the paper, with LSTMs for the contexts as on the slides.

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
from anatomy.models.output import classifier

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
    """Build the classifier, word vectors (N, words, embedding_dim) → (N, classes), or the model of the keywords.

    Args:
        words: number of words of a text, or `None` for any number.
        embedding_dim: length of a word vector.
        lstm_units: number of units of each context.
        dense_units: number of units of the semantic layer, and so of maxima.
        classes: number of outputs; one has a sigmoid, more have a softmax.
        literal: whether to build the slides' network as printed: the right context stays in reversed time, and both
            contexts include the word itself. Its counts are the same; what it computes is not.
        keywords: whether to build the second model instead: (N, dense_units), int32, the position of the word that is
            largest in each unit. It has no gradient: it is for inference only.
    """
    import keras

    word_vectors = keras.Input((words, embedding_dim), name="input")
    left, right = _contexts(word_vectors, lstm_units, literal)
    together = keras.layers.Concatenate(name="word_in_context")([left, word_vectors, right])
    semantic = keras.layers.Dense(dense_units, activation="tanh", name="semantic")(together)
    pooled = keras.layers.GlobalMaxPooling1D(name="max_over_words")(semantic)
    model = keras.Model(word_vectors, classifier(classes)(pooled), name="rcnn")
    return keywords_model(model) if keywords else model


def keywords_model(model: "keras.Model") -> "keras.Model":
    """Build the model of the keywords' positions on the layers of a classifier that `build` made."""
    import keras

    from anatomy.models.tensor_layers import ArgMaxTime

    positions = ArgMaxTime(name="keywords")(model.get_layer("semantic").output)
    return keras.Model(model.input, positions, name="rcnn_keywords")


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
