"""Colours of kinds of work and of gaps, legible on a light and on a dark page."""

from __future__ import annotations

# Neutral, for what is made of several kinds.
WHOLE = "device compute"
UNATTRIBUTED = "unattributed"
COLOURS = {
    "convolution": "#3a8fd9",
    "matrix product": "#7566cf",
    "recurrent": "#009e73",
    "normalisation": "#b9a44c",
    "reduction": "#cc79a7",
    "element-wise": "#e08a00",
    "data movement": "#d55e00",
    "optimizer": "#75983a",
    "communication": "#b8405e",
    "host": "#8a8f98",
    "input wait": "#4aa3a3",
    "host dispatch": "#8a8f98",
    "idle": "#c9ccd3",
    "not in the trace": "#c4b49c",
    UNATTRIBUTED: "#a2725c",
    WHOLE: "#66758a",
}
