"""The cache of a machine's ceilings between commands: a file per fingerprint in the user's data folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import platformdirs
from pydantic import TypeAdapter, ValidationError

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.ceiling import Ceiling
from anatomy.bench.records.whole_file import write_whole

_CEILINGS = TypeAdapter(list[Ceiling])


def ceilings_file(fingerprint: str) -> Path:
    """Return `<user data>/anatomy/ceilings/<fingerprint>.json` (https://platformdirs.readthedocs.io/)."""
    return platformdirs.user_data_path("anatomy") / "ceilings" / f"{fingerprint}.json"


def cache_ceilings(fingerprint: str, ceilings: Sequence[Ceiling]) -> Path:
    """Replace the cached ceilings of these backends and devices; all others stay. Return the file."""
    known = {(one.backend, one.device): one for one in [*cached_ceilings(fingerprint), *ceilings]}
    path = ceilings_file(fingerprint)
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_whole(path, _CEILINGS.dump_json(list(known.values()), indent=2) + b"\n")


def cached_ceilings(fingerprint: str) -> list[Ceiling]:
    """Return the cached ceilings of this machine and software; empty where there are none.

    Raises:
        UsageError: the file is damaged.
    """
    path = ceilings_file(fingerprint)
    if not path.exists():
        return []
    try:
        return _CEILINGS.validate_json(path.read_bytes())
    except ValidationError as error:
        raise UsageError(f"{path} does not hold ceilings: {error}; delete it and run anatomy doctor") from error
