"""The methods of TFLM's resolver, as its header has them."""

from __future__ import annotations

from pathlib import Path

_LINES = Path(__file__).with_suffix(".txt").read_text().splitlines()

METHODS = dict(line.split() for line in _LINES if not line.startswith("#"))
"""Each by the operator that it adds."""
