"""Self-contained HTML pages: templates rendered with the style sheets and the version inside."""

from __future__ import annotations

import re
from functools import cache
from importlib import metadata, resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def render_page(template: str, *extra_styles: str, **values: Any) -> str:
    """Render a page of `anatomy.reports.templates`.

    Args:
        template: file name of the template; it includes `head.html`, which takes the variable `title`.
        extra_styles: style sheets after `report.css`.
        values: the template's own variables.
    """
    return (
        _environment()
        .get_template(template)
        .render(
            version=metadata.version("keras-anatomy"),
            style=Markup("").join(map(trusted_asset, ("report.css", *extra_styles))),
            **values,
        )
    )


@cache
def _environment() -> Environment:
    """The templates, compiled once: a run has a page for each case."""
    environment = Environment(
        loader=PackageLoader("anatomy.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    return environment


def trusted_asset(name: str) -> Markup:
    """Return a style sheet or script of this package, not escaped."""
    return Markup(resources.files("anatomy.reports.templates").joinpath(name).read_text())


def _breakable(text: str) -> Markup:
    """A model's name that may be broken behind a colon or a comma, but for that of a large number."""
    return Markup("<wbr>").join(re.split(r"(?<=[:,])(?=\S)(?!(?<=\d,)\d{3}\b)", text))
