"""What the text application is run with, and the stages that follow from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from anatomy.bench.application.sklearn_newsgroups import SKLEARN, sklearn_corpus
from anatomy.bench.application.synthetic_newsgroups import SYNTHETIC, corpus_of, is_synthetic, vectors_of
from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.errors.printable import first_mistake
from anatomy.bench.records.frozen import Frozen
from anatomy.models import parse_model
from anatomy.models.suggestion import unknown_name

# Words of a text that each model reads, as on the slides.
LENGTHS = {"text_cnn": 1000, "rcnn": 50}
# What each model calls them.
_LENGTH_OF = {"text_cnn": "length", "rcnn": "words"}


class NewsgroupsOptions(Frozen):
    """How a classifier is trained on a folder of texts.

    Attributes:
        application: tells these options from another application's.
        data: one folder for each class, files named by digits; `synthetic` or `synthetic:2000` for a made-up corpus of
            that many texts; `sklearn` for those that scikit-learn has downloaded.
        vectors: a file of word vectors; `synthetic` for those of the made-up corpus; `None` for none.
        network: `text_cnn` or `rcnn`.
        headers: leave the headers in, which tell the class.
        train_embedding: train the word vectors, too; by default only where no file gives them.
        words: ids of the vocabulary, padding included.
        length: words of a text that the model reads; by default those of the slides.
        validation: share of the texts that is kept for validation.
    """

    application: Literal["newsgroups"] = "newsgroups"
    data: str
    vectors: str | None = None
    network: Literal["text_cnn", "rcnn"] = "text_cnn"
    headers: bool = False
    train_embedding: bool | None = None
    epochs: int = Field(default=2, ge=1)
    words: int = Field(default=20_000, ge=2)
    length: int | None = Field(default=None, ge=1)
    validation: float = 0.2
    batch_size: int = Field(default=128, ge=1)

    @property
    def read_length(self) -> int:
        """Words of a text that the model reads."""
        return LENGTHS[self.network] if self.length is None else self.length

    @property
    def folder(self) -> Path:
        """The folder of the texts; a made-up corpus is written where it is not there yet."""
        if self.data == SKLEARN:
            return sklearn_corpus()
        return corpus_of(self.data) if is_synthetic(self.data) else Path(self.data)

    @property
    def vectors_file(self) -> Path | None:
        """The file of the word vectors; made-up ones are written where they are not there yet."""
        if self.vectors is None:
            return None
        return vectors_of() if self.vectors == SYNTHETIC else Path(self.vectors)

    def of_case(self) -> dict[str, Any]:
        """What a case says of them: all but the defaults."""
        return self.model_dump(exclude_defaults=True) | {"data": self.data, "network": self.network}

    def stages(self) -> tuple[str, ...]:
        """The names of the stages, in order."""
        epochs = [name for number in range(1, self.epochs + 1) for name in (f"epoch {number}", f"evaluate {number}")]
        vectors = () if self.vectors is None else ("load vectors", "embed")
        return ("scan", "read", "decode", "tokenise", "pad", *vectors, "build", "compile", "input", *epochs, "predict")


def newsgroups_options(**given: Any) -> NewsgroupsOptions:
    """The options, checked.

    Raises:
        UsageError: an option is wrong; the message names it.
    """
    if (network := given.get("network")) not in (None, *LENGTHS):
        raise UsageError(unknown_name("model of the text application", str(network), LENGTHS))
    try:
        options = NewsgroupsOptions(**given)
        # A text that is too short for the model's kernels is found before any is read.
        parse_model(f"{options.network}:{_LENGTH_OF[options.network]}={options.read_length}")
    except ValidationError as error:
        raise UsageError(f"newsgroups: {first_mistake(error)}") from error
    except ValueError as error:
        raise UsageError(f"newsgroups: {error}") from error
    return options
