"""Evidence as a board would give it."""

from __future__ import annotations

from collections.abc import Sequence

from edge_deployer.acceptance.evidence import BoardEvidence, SampleEvidence

HASH = "ab" * 32


def evidence(
    *,
    board_labels: Sequence[int] = (0, 1, 2, 3),
    reference_labels: Sequence[int] | None = None,
    true_labels: Sequence[int] | None = (0, 1, 2, 3),
    deviations: Sequence[int] | None = None,
    latencies_us: Sequence[int] | None = None,
    running_hash: str = HASH,
    faults: int = 0,
    arena_used: int = 900,
    arena_bytes: int = 1000,
) -> BoardEvidence:
    """A board that does everything right, but for what the arguments say."""
    count = len(board_labels)
    return BoardEvidence(
        board="staging-1",
        echo=True,
        running_hash=running_hash,
        arena_used=arena_used,
        arena_bytes=arena_bytes,
        faults=faults,
        last_fault="fault: SIGSEGV" if faults else None,
        samples=SampleEvidence(
            board_labels=tuple(board_labels),
            reference_labels=tuple(board_labels if reference_labels is None else reference_labels),
            true_labels=None if true_labels is None else tuple(true_labels),
            deviations=tuple(deviations or [0] * count),
            latencies_us=tuple(latencies_us or [100] * count),
        ),
    )
