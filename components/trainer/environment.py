"""What the Trainer is told beside its inputs and parameters. Imports nothing."""

from __future__ import annotations

from typing import Final

BOARD_PROFILE: Final = "TINYOPS_BOARD_PROFILE"
"""Environment variable: the board profile as JSON; without it no network is examined.

It decides whether training begins, and not what comes out of it: as a parameter it would be part of the cache's key,
and another profile would train the same model again.
"""
