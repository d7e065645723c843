"""Made-up data in the user's cache, written where they are not there yet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from platformdirs import user_cache_path


def written_once(name: str, write: Callable[[Path], None]) -> Path:
    """The file or folder of a name in the user's cache.

    Args:
        write: writes it to the path that it is given, where it is not there.
    """
    place = user_cache_path("anatomy") / "corpora" / name
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        # Beside its place and then renamed: what was cut short is not kept.
        with TemporaryDirectory(dir=place.parent) as folder:
            unfinished = Path(folder) / name
            write(unfinished)
            try:
                unfinished.rename(place)
            except OSError:
                # Another process may have been faster.
                if not place.exists():
                    raise
    return place
