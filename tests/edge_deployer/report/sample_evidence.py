"""What boards answer to the handwritten digits, as an examination would record it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Literal

import numpy as np

from edge_deployer.acceptance.check import Case, Subject, needs_more_samples
from edge_deployer.acceptance.checks.accuracy import Accuracy
from edge_deployer.acceptance.checks.soak import soak_inferences
from edge_deployer.acceptance.evidence import (
    Answers,
    BoardEvidence,
    Failure,
    PowerCycle,
    ProductionAnswers,
    RepeatedAnswers,
)
from edge_deployer.acceptance.plan import AcceptancePlan, Budget
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.stored_array import StoredArray
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.task import Task
from edge_deployer.tensors import Array, TensorSpec

PROFILE = "cortex-m4"
SAMPLES = 300
DIGITS = tuple(str(digit) for digit in range(10))
IMAGE_BYTES = 6_712
PLAN = AcceptancePlan(
    samples=SAMPLES,
    accuracy=Accuracy(floor=0.92, margin=0.08),
    budgets={PROFILE: Budget(latency_p95_us=2_000)},
)

_OUTPUT = TensorSpec("int8", (1, 10), 1 / 256, -128)
_WRONG_IN_TFLM = (1, 40, 77, 130, 210, 290)
_BATCH = 24
_ASKED_AGAIN = 8


def digest(text: str) -> str:
    """A SHA-256 that stands for something."""
    return hashlib.sha256(text.encode()).hexdigest()


NEW_IMAGE, OLD_IMAGE = digest("new image"), digest("old image")
SUBJECT = Subject(image_hash=NEW_IMAGE, image_bytes=IMAGE_BYTES, arena_bytes=2_768)


@cache
def acceptance() -> AcceptanceSet:
    """Pictures of 8 x 8 pixels, six of which TFLM takes for the next digit."""
    drawn = np.random.default_rng(11).integers(-128, 128, (SAMPLES, 8, 8, 1)).astype(np.int8)
    return _with_inputs(drawn, TensorSpec("int8", (1, 8, 8, 1), 1 / 16, -128))


def strokes() -> AcceptanceSet:
    """Signals of three axes and 128 steps, with the same answers."""
    rng, time = np.random.default_rng(12), np.linspace(0, 6, 128)[None, :, None]
    phases, speeds = rng.uniform(0, 6, (SAMPLES, 1, 3)), rng.uniform(0.5, 3, (SAMPLES, 1, 3))
    moved = 60 * np.sin(speeds * time + phases) * np.exp(-time / 5) + rng.normal(0, 4, (SAMPLES, 128, 3))
    return _with_inputs(moved.round().astype(np.int8), TensorSpec("int8", (1, 128, 3), 1 / 16, 0))


def _with_inputs(inputs: Array, spec: TensorSpec) -> AcceptanceSet:
    truth = np.arange(SAMPLES) % 10
    named = truth.copy()
    named[list(_WRONG_IN_TFLM)] = (named[list(_WRONG_IN_TFLM)] + 1) % 10
    outputs = np.random.default_rng(5).integers(-128, -90, (SAMPLES, 10)).astype(np.int8)
    outputs[np.arange(SAMPLES), named] = 90
    return AcceptanceSet(
        input=spec,
        output=_OUTPUT,
        inputs=inputs,
        outputs=outputs,
        labels=truth.astype(np.int64),
        task=Task(name="classification"),
        class_names=DIGITS,
    )


@cache
def reference() -> Reference:
    """What the answers are held against."""
    return Reference.of(acceptance(), {"accuracy": 0.98056, "eval_examples": 360.0}, most=SAMPLES)


def board_evidence(
    name: str,
    plan: AcceptancePlan,
    *,
    pool: Literal["staging", "production"],
    wrong: Sequence[int] = (),
    latency_us: int = 871,
    asked_again: bool = False,
    failure: Failure | None = None,
    confirmed: bool = False,
) -> BoardEvidence:
    """As many answers as the plan's checks need, in batches; those to `wrong` name another class than TFLM.

    Args:
        name: of the board.
        plan: what it is asked.
        pool: a production board answers its golden vectors.
        wrong: indices of samples.
        latency_us: of each inference, give or take.
        asked_again: whether some of `wrong` were asked again, with the same answers.
        failure: what ended the examination before anything was asked.
        confirmed: whether it has kept the release, and was reset once more.
    """
    if failure:
        return BoardEvidence(board=name, profile=PROFILE, failure=failure)
    outputs = _answers(wrong)
    golden = plan.golden_vectors
    evidence = BoardEvidence(
        board=name,
        profile=PROFILE,
        echo=True,
        running_hash=NEW_IMAGE,
        arena_used=2_512,
        arena_bytes=65_536,
        image_limit=262_144,
        smoke_seconds=0.41 + len(name) / 100,
        smoke_faults=0,
        faults=0,
        answers=_first(outputs, golden, latency_us),
        production=_production() if pool == "staging" else None,
    )
    if pool == "production":
        return evidence
    taken = 0
    while taken < SAMPLES and (taken == 0 or needs_more_samples(Case(evidence, reference(), plan))):
        taken = min(SAMPLES, taken + _BATCH)
        evidence = evidence.model_copy(update={"answers": _first(outputs, taken, latency_us)})
    soaked = [number % golden for number in range(soak_inferences(plan))]
    repeated = [index for index in wrong if index < taken][:_ASKED_AGAIN]
    return evidence.model_copy(
        update={
            "soak": _again(outputs, soaked),
            "repeated": _again(outputs, repeated) if asked_again else None,
            "power_cycle": PowerCycle(
                by="power", running_hash=NEW_IMAGE, confirmed=True, outputs=StoredArray.of(outputs[:1])
            )
            if confirmed
            else None,
        }
    )


def _answers(wrong: Sequence[int]) -> Array:
    expected = acceptance().outputs
    assert expected is not None
    outputs = expected.copy()
    outputs[list(wrong)] = np.roll(outputs[list(wrong)], 1, axis=1)
    return outputs


def _first(outputs: Array, count: int, latency_us: int) -> Answers:
    return Answers(
        outputs=StoredArray.of(outputs[:count]),
        latencies_us=tuple(latency_us + number % 7 for number in range(count)),
        seconds=round(0.3 + 0.012 * count, 3),
    )


def _again(outputs: Array, samples: list[int]) -> RepeatedAnswers:
    return RepeatedAnswers(samples=tuple(samples), outputs=StoredArray.of(outputs[samples]))


def _production() -> ProductionAnswers:
    """The earlier release: right where TFLM is with the new one, but for one sample more."""
    return ProductionAnswers(image_hash=OLD_IMAGE, answers=_first(_answers([17]), 120, 912))
