"""What differs between the two pairs of Python and TFX that are proven (docs/compatibility.md).

Python 3.10 has TFX 1.16 with TensorFlow 2.16 and kfp 2.5, Python 3.13 has TFX 1.21 with TensorFlow 2.21 and kfp 2.16.
What one of them does otherwise stands here; everything else is written for both.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from typing import Any, Final

NEWER: Final = sys.version_info >= (3, 13)
"""Whether this is the newer pair."""


ONLY_NEWER_INPUTS: Final = {"Trainer": frozenset({"statistics"})}
"""Optional inputs that a stock component has in TFX 1.21 only, by component.

What is exported to other teams has the same interface from both, without them.
"""


def import_tensorflow_quietly() -> None:
    """Import TensorFlow without its words about oneDNN and CUDA.

    From 2.21 on it says them before absl's log is initialised, when TF_CPP_MIN_LOG_LEVEL does not count yet: to
    file descriptor 2. They are kept back, and shown if the import fails.
    """
    if not NEWER:
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        except ImportError:
            said.seek(0)
            os.write(kept, said.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def api_operation(service: Any, name: str) -> Callable[..., Any]:
    """An operation of kfp's generated API, whose names have the service in front from kfp 2.16 on.

    Args:
        service: a part of `kfp.Client`, e.g. `client.pipelines`.
        name: as kfp 2.5 has it, e.g. ``create_pipeline`` (later ``pipeline_service_create_pipeline``).

    Raises:
        LookupError: there is no such operation.
    """
    for known, operation in vars(service).items():
        if known == name or known.endswith(f"_service_{name}"):
            return operation  # type: ignore[no-any-return]
    raise LookupError(f"this kfp has no operation {name}")
