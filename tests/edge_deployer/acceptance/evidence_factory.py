"""A classifier of ten classes, and evidence as a board would give it that runs it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge_deployer.acceptance.check import Case, Subject
from edge_deployer.acceptance.evidence import Answers, BoardEvidence, PowerCycle, ProductionAnswers, RepeatedAnswers
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.stored_array import StoredArray
from edge_deployer.acceptance.verdict import BoardVerdict, judge_board
from edge_deployer.inventory.inventory import Pool
from edge_deployer.report.words import in_words
from edge_deployer.task import Task
from edge_deployer.tensors import Array, TensorSpec

HASH = "ab" * 32
SUBJECT = Subject(image_hash=HASH, image_bytes=5_000)
CLASSES = 10
OUTPUT = TensorSpec("int8", (1, CLASSES), scale=1 / 256, zero_point=-128)


def outputs_for(labels: Array) -> Array:
    """Outputs that name the labels, int8 (n, CLASSES)."""
    outputs = np.full((len(labels), CLASSES), -120, np.int8)
    outputs[np.arange(len(labels)), labels] = 100
    return outputs


def reference(samples: int = 400, *, wrong: Sequence[int] = (), labelled: bool = True) -> Reference:
    """Labels 0, 1, ... 9, 0, ...; TFLM names them right but for the samples in `wrong`."""
    labels = np.arange(samples) % CLASSES
    named = labels.copy()
    named[list(wrong)] = (named[list(wrong)] + 1) % CLASSES
    return Reference(
        input_sha256=tuple(f"{number:064x}" for number in range(samples)),
        output=OUTPUT,
        outputs=StoredArray.of(outputs_for(named)),
        labels=tuple(labels.tolist()) if labelled else None,
        targets=None,
        task=Task(name="classification"),
        class_names=(),
        host_figure=1 - len(wrong) / samples if labelled else None,
        host_samples=samples if labelled else None,
    )


def answers(outputs: Array, latencies_us: Sequence[int] | None = None) -> Answers:
    """Answers with these outputs."""
    return Answers(
        outputs=StoredArray.of(outputs), latencies_us=tuple(latencies_us or [100] * len(outputs)), seconds=1.0
    )


def board_outputs(held: Reference, *, other: Sequence[int] = (), off: Sequence[int] = (), steps: int = 9) -> Array:
    """TFLM's outputs, but for another label on the samples `other` and outputs off by `steps` on the samples `off`."""
    assert held.outputs is not None
    outputs = held.outputs.load().copy()
    outputs[list(other)] = np.roll(outputs[list(other)], 1, axis=1)
    outputs[list(off), :] += steps
    return outputs


def evidence(
    held: Reference,
    outputs: Array | None = None,
    *,
    board: str = "s1",
    latencies_us: Sequence[int] | None = None,
    production: Array | None = None,
    soak: RepeatedAnswers | None = None,
    power_cycle: PowerCycle | None = None,
    **facts: object,
) -> BoardEvidence:
    """A board that does everything right, but for what the arguments say."""
    given = board_outputs(held) if outputs is None else outputs
    right: dict[str, object] = {
        "echo": True,
        "running_hash": HASH,
        "arena_used": 900,
        "arena_bytes": 1_000,
        "image_limit": 10_000,
        "smoke_seconds": 0.5,
        "smoke_faults": 0,
        "faults": 0,
        "answers": answers(given, latencies_us),
        "soak": soak,
        "power_cycle": power_cycle,
        "production": None if production is None else ProductionAnswers(image_hash="cd", answers=answers(production)),
    }
    return BoardEvidence.model_validate({"board": board, "profile": "cortex-m4", **right, **facts})


def verdict_on(
    given: BoardEvidence,
    subject: Subject,
    held: Reference,
    plan: AcceptancePlan,
    *,
    pool: Pool = "staging",
    virtual: bool = False,
    staging: Sequence[BoardEvidence] = (),
) -> BoardVerdict:
    """The verdict on one board."""
    return judge_board(Case(given, held, plan, subject, pool=pool, virtual=virtual, staging=staging))


def why(verdict: BoardVerdict, given: BoardEvidence | None = None) -> str:
    """The reason of a verdict in words; the evidence is needed for one that an examination's end has led to."""
    return in_words(verdict.why(given))
