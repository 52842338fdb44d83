"""Steps that mean something to those who compile and run the pipeline, by their names in it."""

from __future__ import annotations

from typing import Final

READER: Final = "SensorExampleGen"
"""The first step; it opens the data file, and looks whether the pipeline root can be opened."""

DATA_GATE: Final = "DataGate"
"""The step that looks there for what data was accepted before."""

BASELINE: Final = "LatestBlessedModel"
"""The step that looks through the pipeline root."""

TRAINER: Final = "Trainer"
"""The step that calls the user's `run_fn`."""

PUSHER: Final = "TFLMPusher"
"""The only step that reaches boards."""

GATE: Final = "PromotionGate"
"""The step that fails when the release was not promoted."""

NEVER_CACHED: Final = frozenset({READER, DATA_GATE, BASELINE, PUSHER, GATE})
"""Steps whose outputs depend on more than Kubeflow's cache looks at: data, pipeline root, boards."""
