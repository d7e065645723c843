"""Which distributions are missing here, by the metadata of those that are installed; nothing is imported."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata

OURS = "keras-anatomy"
# The acceptance runs without them; TensorBoard shows runs, which can be exported elsewhere.
LEFT_OUT = frozenset({"tensorflow", "tensorboard"})
FRAMEWORKS = ("torch", "jax")


def missing_distributions() -> list[str]:
    """A line per distribution that is not installed, or is too old, with what needs it; empty where all are there."""
    try:
        metadata.version("packaging")
    except metadata.PackageNotFoundError:
        return ["packaging (needed to read what the others need)"]
    found: dict[str, str] = {}
    seen: set[str] = set()
    todo = [(name, "", "the acceptance") for name in (OURS, *FRAMEWORKS)]
    while todo:
        name, wanted, needed_by = todo.pop()
        if reason := _why_missing(name, wanted):
            found.setdefault(name, f"{reason} (needed by {needed_by})")
        elif name not in seen:
            seen.add(name)
            # What the frameworks need is the business of whoever installed them.
            if name not in FRAMEWORKS:
                todo += [(required, specifier, name) for required, specifier in _requirements(name)]
    return sorted(found.values())


def _why_missing(name: str, wanted: str) -> str:
    from packaging.specifiers import SpecifierSet

    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return f"{name}{wanted} is not installed"
    return "" if SpecifierSet(wanted).contains(version, prereleases=True) else f"{name}{wanted}: {version} is installed"


def _requirements(name: str) -> Iterator[tuple[str, str]]:
    from packaging.requirements import Requirement

    for text in metadata.requires(name) or ():
        required = Requirement(text)
        applies = required.marker is None or required.marker.evaluate({"extra": ""})
        if applies and name_of(text) not in LEFT_OUT:
            yield name_of(text), str(required.specifier)


def name_of(requirement: str) -> str:
    """Normalised name of a requirement's distribution: `opt-einsum` of `opt_einsum>=3.3`."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    return canonicalize_name(Requirement(requirement).name)
