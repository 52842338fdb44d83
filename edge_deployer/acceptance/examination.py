"""Asks a board what the checks need to know. The one module of acceptance that touches a device."""

from __future__ import annotations

import numpy as np

from edge_deployer.acceptance.evidence import BoardEvidence, Failure, SampleEvidence, deviation_steps
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.session import DeviceSession, InferenceResult, ModelFault, SessionError


async def examine(session: DeviceSession, board: str, acceptance: AcceptanceSet, *, samples: int) -> BoardEvidence:
    """Run the first `samples` of the acceptance set on a board and record what it answers.

    A board that fails on the way is not an error here: the failure is part of the evidence.

    Args:
        session: an open session with the board.
        board: its name in the inventory.
        acceptance: the release's acceptance set.
        samples: how many of it to run; all if it has fewer.
    """
    facts: dict[str, object] = {}
    try:
        before = await session.health()
        await session.echo()
        facts["echo"] = True
        info = await session.info()
        facts |= {
            "running_hash": info.image_hash.hex(),
            "arena_used": info.arena_used,
            "arena_bytes": info.arena_bytes,
        }
        result = await session.infer(acceptance.inputs[:samples])
        facts["samples"] = _sample_evidence(result, acceptance, samples)
        health = await session.health()
        facts |= {"faults": health.faults - before.faults, "last_fault": health.last_fault}
    except SessionError as error:
        facts["failure"] = Failure(kind="model" if isinstance(error, ModelFault) else "board", reason=error.message)
    return BoardEvidence.model_validate({"board": board, **facts})


def _sample_evidence(result: InferenceResult, acceptance: AcceptanceSet, samples: int) -> SampleEvidence:
    outputs = result.outputs.reshape(len(result.outputs), -1)
    reference = acceptance.outputs[:samples].reshape(len(outputs), -1)
    truth = acceptance.labels
    return SampleEvidence(
        board_labels=tuple(outputs.argmax(axis=1).tolist()),
        reference_labels=tuple(reference.argmax(axis=1).tolist()),
        true_labels=None if truth is None else tuple(truth[:samples].tolist()),
        deviations=tuple(deviation_steps(outputs, reference).tolist()),
        latencies_us=tuple(np.asarray(result.microseconds).tolist()),
    )
