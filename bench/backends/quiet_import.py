"""Import Keras without what its backend writes to the terminal at start."""

from __future__ import annotations

import os
import sys
import tempfile

STDERR = 2


def import_keras_quietly() -> None:
    """Import Keras and its backend; what they write to standard error is shown only where the import fails.

    TensorFlow logs its start (processor features, missing GPUs) from C++ before any setting of its log level counts.
    """
    try:
        kept = os.dup(STDERR)
    except OSError:
        # Standard error is closed: nothing can be shown there.
        import keras

        return
    if sys.stderr is not None:
        sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), STDERR)
        try:
            import keras  # noqa: F401
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, STDERR)
            os.close(kept)
