"""The edge of every command and of the pytest plugin: any exception becomes an exit code and a sentence.

Exit code 1 is a verdict of the gate. No exception ever gets it.
"""

from __future__ import annotations

import os
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from anatomy.bench.errors import exit_codes
from anatomy.bench.errors.anatomy_error import AnatomyError
from anatomy.bench.errors.printable import one_line, printable, without_styles


def verdict_on(error: Exception) -> tuple[int, str]:
    """Exit code and sentence for an exception that ended a command.

    An `AnatomyError` has both. An `OSError` (a full disk, a folder that cannot be written) is exit code 2. Anything
    else is a fault of Anatomy: exit code 4, with the traceback in a log file that the sentence names.
    """
    if isinstance(error, AnatomyError):
        return error.exit_code, printable(without_styles(str(error)))
    if isinstance(error, OSError):
        return exit_codes.USAGE, printable(_operating_system(error))
    where = _write_traceback(error)
    kept = f"the traceback is in {where}" if where else "and no place could be found to write its traceback to"
    return exit_codes.NOT_ALL_MEASURED, f"an error in Anatomy itself, please report it: {one_line(error)}; {kept}"


def _operating_system(error: OSError) -> str:
    what = error.strerror or str(error)
    return f"{error.filename}: {what}" if error.filename else what


def _write_traceback(error: Exception) -> Path | None:
    text = printable("".join(traceback.format_exception(error)))
    name = f"error-{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}-{os.getpid()}.log"
    for folder in (platformdirs.user_log_path("anatomy"), Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        except OSError:
            continue
        return folder / name
    return None
