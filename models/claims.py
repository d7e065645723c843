"""The claims of the talk: what is claimed, which models must be counted to judge it, and by which rule.

This is data only; `anatomy.reports.claim_verdicts` computes the verdicts from counts.
Source of the statements: "Anatomy of a Deep Learning Application in Python/Keras", F. Pugliese.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Rule = Literal[
    "figure",
    "receptive field",
    "described VGG-19",
    "truncated GoogLeNet",
    "attribution",
    "depth formula",
    "linear in length",
    "framework table",
    "quoted",
    "text accuracy",
]
Figure = Literal["parameters", "trainable_parameters", "units", "weight_layers", "depth"]


@dataclass(frozen=True)
class Claim:
    """One statement of the slides.

    Attributes:
        key: stable name of the claim.
        about: subject of the claim, as the slides name it.
        statement: the slide's words, shortened where an ellipsis stands.
        rule: how the claim is judged; see `anatomy.reports.claim_verdicts`.
        claimed: the claimed number, with as many digits as the slide gives.
        figure: the counted figure that the number is compared with.
        subjects: models whose counts decide, as on the command line.
        source: who measured or published what can only be quoted.
        note: what the reader must know beside the verdict.
    """

    key: str
    about: str
    statement: str
    rule: Rule
    claimed: float | None = None
    figure: Figure | None = None
    subjects: tuple[str, ...] = ()
    source: str = ""
    note: str = ""


_RCNN_LENGTHS = ("rcnn:words=25", "rcnn:words=50", "rcnn:words=100")

CLAIMS: tuple[Claim, ...] = (
    Claim("alexnet-layers", "AlexNet", "8 trainable layers", "figure", 8, "weight_layers", ("alexnet",)),
    Claim("alexnet-parameters", "AlexNet", "60 millions parameters", "figure", 60e6, "parameters", ("alexnet",)),
    Claim("alexnet-neurons", "AlexNet", "650 thousands neurons", "figure", 650e3, "units", ("alexnet",)),
    Claim(
        "alexnet-hardware", "AlexNet", "trained on 2 GTX 580 3 GB GPUs", "quoted",
        source="Krizhevsky, Sutskever & Hinton 2012",
    ),
    Claim(
        "alexnet-errors", "AlexNet", "1 CNN: 40.7% top-1, 18.2% top-5 error; 5 CNNs: 38.1%, 16.4%", "quoted",
        source="Krizhevsky, Sutskever & Hinton 2012",
    ),
    Claim(
        "vgg-receptive-field", "VGG", "a stack of two 3×3 conv. layers … has an effective receptive field of 5×5",
        "receptive field", 5,
    ),
    Claim("vgg16-parameters", "VGG-16", "138 millions parameters", "figure", 138e6, "parameters", ("vgg:depth=16",)),
    Claim(
        "vgg19-described", "VGG-19", "same as VGG-16 but with 8×Conv3-512", "described VGG-19",
        figure="parameters", subjects=("vgg:depth=19",),
    ),
    Claim(
        "vgg-errors", "VGG", "multi ConvNet model: 23.7% top-1, 6.8% top-5 error", "quoted",
        source="Simonyan & Zisserman 2014",
    ),
    Claim("googlenet-layers", "GoogLeNet", "22 layers", "figure", 22, "depth", ("googlenet:auxiliary=false",)),
    Claim(
        "googlenet-parameters", "GoogLeNet", "4 millions parameters", "truncated GoogLeNet", 4e6, "parameters",
        ("googlenet:auxiliary=false",),
    ),
    Claim(
        "googlenet-errors", "GoogLeNet", "7 models ensemble: 6.67% top-5 error", "quoted",
        source="Szegedy et al. 2015",
    ),
    Claim(
        "resnet1202-attribution", "ResNet", "up to 1202 layers with WideResnet …", "attribution", 1202,
        "weight_layers", ("resnet:depth=1202",),
    ),
    Claim(
        "resnet1202-parameters", "ResNet", "… with only 19.4 million parameters", "figure", 19.4e6,
        "trainable_parameters", ("resnet:depth=1202",),
        note="Counted on ResNet-1202, the network that has them; it is no WideResNet (the row above).",
    ),
    Claim("resnet-errors", "ResNet", "3.57% top-5 error", "quoted", source="He et al. 2016"),
    Claim(
        "human-error", "People", "5% human estimated top-5 error", "quoted",
        source="Johnson 2015, as the slides cite it",
    ),
    Claim(
        "wrn-depth", "WideResNet", "depth = 6·n + 4, with n = 8 and k = 4: 52", "depth formula", 52,
        "weight_layers", ("wide_resnet:depth=52,width=4",),
    ),
    Claim(
        "rcnn-linear", "RCNN", "RCNNs exhibit a time complexity of O(n)", "linear in length",
        subjects=_RCNN_LENGTHS,
        note="Judged by the work counted; whether the time is linear too is for a measurement at several lengths.",
    ),
    Claim(
        "text-accuracy", "Text classifier", "95% accuracy with GloVe, 90% without, after 2 epochs",
        "text accuracy", source="Chollet 2016, whose text and code the slides repeat",
        note=(
            "The 95% came from message headers left in the text; with headers stripped, about 47% after 2 epochs "
            "and 71% after 10 are reported (https://datascience.stackexchange.com/q/17885)."
        ),
    ),
    Claim(
        "cntk-backend", "CNTK", "Keras is … capable of running on top of TensorFlow, CNTK, or Theano",
        "framework table",
    ),
)  # fmt: skip
