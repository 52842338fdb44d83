"""The private signing key that a command finds in its environment, and keeps from what it starts.

Child processes inherit an environment whole: boards, TFLM, git, a project's own commands. So the variable is taken out
of it when a command begins, and given only to a process that signs.
"""

from __future__ import annotations

import os
from typing import Final

VARIABLE: Final = "TINYOPS_SIGNING_KEY"
"""Environment variable: the ed25519 private key itself, in PEM."""

_taken: dict[str, str] = {}


def take_from_environment() -> None:
    """To be called before any other process is started."""
    if VARIABLE in os.environ:
        _taken[VARIABLE] = os.environ.pop(VARIABLE)


def environment_of_signer() -> dict[str, str]:
    """The variable, for the environment of a process that signs; empty where there was none."""
    take_from_environment()
    return dict(_taken)
