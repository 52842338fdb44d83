"""Evidence of boards of which nothing is known but how long they took."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge_deployer.acceptance.evidence import Answers, BoardEvidence
from edge_deployer.acceptance.stored_array import StoredArray


def evidence(times: Sequence[int | None] | None, board: str = "p2") -> BoardEvidence:
    """Of a board that took so long for each sample; None of one that gave no answers."""
    if times is None:
        return BoardEvidence(board=board, profile="cortex-m4")
    outputs = StoredArray.of(np.zeros((len(times), 1), np.int8))
    answers = Answers(outputs=outputs, latencies_us=tuple(times), seconds=1.0)
    return BoardEvidence(board=board, profile="cortex-m4", answers=answers)
