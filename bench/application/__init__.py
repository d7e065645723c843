"""A whole application: from texts in files to a trained classifier, stage by stage."""

from anatomy.bench.application.text_application import Epoch, TextApplication, newsgroups

__all__ = ["Epoch", "TextApplication", "newsgroups"]
