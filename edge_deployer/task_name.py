"""Names of what a model may be for. Imports nothing, for the help of commands."""

from __future__ import annotations

from typing import Final, Literal

TaskName = Literal["classification", "binary", "anomaly", "regression"]

DEFAULT_THRESHOLD: Final = 0.5
"""Of a binary task, in the output's real units."""
