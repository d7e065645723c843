"""A chart as SVG inside the page: text stays text, and takes the page's colours."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager
from io import StringIO
from types import MappingProxyType

from markupsafe import Markup, escape
from matplotlib import rc_context, style
from matplotlib.figure import Figure

# Colours of a drawing that stand for those of the page, light or dark.
INK, SOFT, GRID = "#010101", "#020202", "#030303"
_OF_PAGE = {INK: "currentColor", SOFT: "var(--soft)", GRID: "var(--grid)"}
_NEEDLESS = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>", re.DOTALL)
_FONT = re.compile(r"; font-family: [^;\"]*")
_REFERENCE = re.compile(r"#([\w.-]+)")
_ID = re.compile(r' id="([^"]*)"')


def own_style() -> AbstractContextManager[None]:
    """matplotlib's own settings for as long as charts are made and drawn, whatever the user's are."""
    return style.context("default")


def figure_svg(figure: Figure, key: str, label: str, links: Mapping[str, str] = MappingProxyType({})) -> Markup:
    """Draw a figure as an `<svg>` that scales with its box.

    Args:
        figure: its unit is the point: a figure of 6 inches is 432 units wide.
        key: name of the chart, unique on the page: parts of a drawing are referred to within the whole page.
        label: what a screen reader says of it.
        links: address of a mark's link → what a screen reader says of that.
    """
    target = StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with own_style(), rc_context({"svg.fonttype": "none", "svg.hashsalt": key}), warnings.catch_warnings():
        # Names may be in a script that the font lacks, by which the layout is reckoned; the browser has its own fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(target, format="svg", transparent=True, metadata=nothing)
    svg = _NEEDLESS.sub("", target.getvalue()).strip()
    svg = _FONT.sub("", svg)
    used = set(_REFERENCE.findall(svg))
    svg = _ID.sub(lambda found: found.group(0) if found.group(1) in used else "", svg)
    svg = re.sub(r">\s+<", "><", svg)
    for drawn, of_page in _OF_PAGE.items():
        svg = svg.replace(drawn, of_page)
    for address, name in links.items():
        drawn_link = f'<a xlink:href="{escape(address)}" target="_blank">'
        svg = svg.replace(drawn_link, f'<a href="{escape(address)}" aria-label="{escape(name)}">')
    head, _, body = svg.partition(">")
    view = re.search(r'viewBox="[^"]*"', head)
    return Markup(
        '<svg class="drawing" role="{}" aria-label="{}" {} xmlns:xlink="http://www.w3.org/1999/xlink">{}'
    ).format(
        # An image has no parts that can be chosen.
        "group" if links else "img",
        label,
        Markup(view.group(0) if view else ""),
        Markup(body),
    )
