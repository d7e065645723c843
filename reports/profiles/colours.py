"""Colours of kinds of work and of gaps, legible on a light and on a dark page."""

from __future__ import annotations

from collections.abc import Iterable

from anatomy.reports.chart import SYMBOL_PATHS, LegendEntry

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
_BLACK, _WHITE = "#000000", "#ffffff"


def text_on(colour: str) -> str:
    """Return black or white, whichever contrasts more with `#rrggbb`: at least 4.5:1, as WCAG 2.2 asks."""
    # Where black and white contrast equally: (L + 0.05)² = 1.05 × 0.05.
    return _BLACK if _luminance(colour) > 0.179 else _WHITE


def legend_of(names: Iterable[str]) -> tuple[LegendEntry, ...]:
    """Return a legend entry for each name that has a colour, in a fixed order."""
    used = set(names)
    return tuple(LegendEntry(name, colour, SYMBOL_PATHS["square"]) for name, colour in COLOURS.items() if name in used)


def _luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb` (https://www.w3.org/TR/WCAG22/#dfn-relative-luminance)."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
