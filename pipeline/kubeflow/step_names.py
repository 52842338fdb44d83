"""Steps that mean something to those who compile and run the pipeline, by their names in it."""

from __future__ import annotations

from typing import Final

PUSHER: Final = "TFLMPusher"
"""The only step that reaches boards."""

GATE: Final = "PromotionGate"
"""The step that fails when the release was not promoted."""

READ_THE_STORE: Final = ("SensorExampleGen", "LatestBlessedModel")
"""Steps that open more of the object store than the artifacts that the launcher hands them."""

NEVER_CACHED: Final = frozenset({*READ_THE_STORE, PUSHER, GATE})
"""Steps whose outputs depend on more than Kubeflow's cache looks at: data, pipeline root, boards."""
