"""How the components run TFLM on the host."""

from __future__ import annotations

from typing import Final

# Roomy on purpose: whether a model fits its board is the validator's question, and only there a refusal.
HOST_ARENA_BYTES: Final = 16 << 20
