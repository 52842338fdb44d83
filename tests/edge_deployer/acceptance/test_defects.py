"""Ports that are broken in the ways in which ports are broken, on a real board with a real interpreter.

Where the defect is in code that feeds or reads the model, the board is fed, or its reference read, as that code does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn, cast

import numpy as np
import pytest

from edge_deployer.acceptance.check import Subject
from edge_deployer.acceptance.checks.accuracy import Accuracy
from edge_deployer.acceptance.checks.against_production import AgainstProduction
from edge_deployer.acceptance.checks.auc import Auc
from edge_deployer.acceptance.checks.mae import Mae
from edge_deployer.acceptance.evidence import BoardEvidence
from edge_deployer.acceptance.examination import Examination, failure_of
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.verdict import BoardVerdict
from edge_deployer.profile import load_profile
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.release.image import SignedImage, sign_image
from edge_deployer.release.keys import SigningKey
from edge_deployer.report.words import in_words
from edge_deployer.session import (
    BoardGone,
    DeviceSession,
    Fenced,
    InUse,
    LineError,
    PortInUse,
    ProtocolError,
    SessionError,
)
from edge_deployer.task import Task
from edge_deployer.tensors import Array, dequantize
from edge_deployer.tflm import TflmRunner
from tests.edge_deployer.acceptance.evidence_factory import verdict_on, why
from tests.edge_deployer.inventories import write_profile
from tests.edge_deployer.sessions import put_for_good, put_on_trial, session_with
from tests.edge_deployer.tiny_models import identity_classifier, rotating_classifier
from tests.edge_deployer.virtual_board.running_board import RunningBoard, running_board

CLASSES = 8
SAMPLES = 240
MODEL = identity_classifier(CLASSES)
PLAN = AcceptancePlan(soak_inferences=8)


@pytest.fixture(scope="module")
def image(signing_key: SigningKey) -> SignedImage:
    return sign_image(MODEL, version="1.0.0", manifest=b"{}", key=signing_key)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory, public_key: Path, image: SignedImage) -> Iterator[RunningBoard]:
    """A board that runs the model, confirmed."""
    with running_board(tmp_path_factory.mktemp("board"), public_key) as powered:
        asyncio.run(install(powered.url, image, confirm=True))
        yield powered


async def install(url: str, image: SignedImage, *, confirm: bool = False) -> None:
    async with session_with(url) as session:
        await (put_for_good if confirm else put_on_trial)(session, image.data)


def reference_of(model: bytes, inputs: Array, labels: Array | None) -> AcceptanceSet:
    """The set as TFLM on the host answers it."""
    with TflmRunner(model, arena_bytes=20_000) as runner:
        task = Task(name="classification")
        return AcceptanceSet(runner.input, runner.output, inputs, runner.run(inputs), labels=labels, task=task)


@pytest.fixture(scope="module")
def right() -> AcceptanceSet:
    """Noisy samples of every class, most of them named right."""
    random = np.random.RandomState(0)
    labels = np.arange(SAMPLES) % CLASSES
    inputs = random.randint(-90, 10, (SAMPLES, CLASSES)).astype(np.int8)
    inputs[np.arange(SAMPLES), labels] = random.randint(15, 100, SAMPLES)
    return reference_of(MODEL, inputs, labels)


async def examine(url: str, acceptance: AcceptanceSet, plan: AcceptancePlan, image: SignedImage) -> BoardEvidence:
    held = Reference.of(acceptance, {"accuracy": 0.99}, most=plan.samples)
    async with session_with(url) as session:
        examination = Examination(session, "s1", load_profile("cortex-m4"), acceptance, held, plan)
        return await examination.run(image.hash.hex(), "staging")


@pytest.fixture
def judged(board: RunningBoard, image: SignedImage) -> Callable[..., BoardVerdict]:
    """The board's verdict on a set."""

    def judge(acceptance: AcceptanceSet, plan: AcceptancePlan = PLAN) -> BoardVerdict:
        found = asyncio.run(examine(board.url, acceptance, plan, image))
        held = Reference.of(acceptance, {"accuracy": 0.99}, most=plan.samples)
        subject = Subject(image_hash=image.hash.hex(), image_bytes=len(image.data))
        return verdict_on(found, subject, held, plan)

    return judge


def failed(verdict: BoardVerdict) -> set[str]:
    assert verdict.decision == "refused", verdict
    return {check.name for check in verdict.checks if check.status == "failed"}


def test_a_port_without_a_defect_is_accepted(judged: Callable[..., BoardVerdict], right: AcceptanceSet) -> None:
    verdict = judged(right)
    assert verdict.accepted, why(verdict)
    smoke = verdict.checks[0]
    assert smoke.measured is not None
    assert smoke.measured < 5


def test_a_board_that_is_refused_early_soaks_with_what_it_has_answered(
    judged: Callable[..., BoardVerdict], right: AcceptanceSet
) -> None:
    assert right.outputs is not None
    outputs = right.outputs.copy()
    outputs[1::2] = np.roll(outputs[1::2], 1, axis=1)
    verdict = judged(replace(right, outputs=outputs), PLAN.model_copy(update={"golden_vectors": SAMPLES}))
    assert failed(verdict) <= {"labels", "outputs"}
    assert next(check for check in verdict.checks if check.name == "soak").status == "passed"


def test_a_wrong_input_zero_point_is_seen_though_most_labels_are_right(
    judged: Callable[..., BoardVerdict], right: AcceptanceSet
) -> None:
    shifted = np.clip(right.inputs.astype(np.int16) + 10, -128, 127).astype(np.int8)
    assert "smoke" in failed(judged(replace(right, inputs=shifted)))


def test_an_input_scaled_as_uint8_is_seen(judged: Callable[..., BoardVerdict], right: AcceptanceSet) -> None:
    flipped = (right.inputs.view(np.uint8) ^ 0x80).view(np.int8)
    assert "smoke" in failed(judged(replace(right, inputs=flipped)))


def test_two_classes_swapped_are_seen(judged: Callable[..., BoardVerdict], right: AcceptanceSet) -> None:
    assert right.outputs is not None
    swapped = right.outputs.copy()
    # The classes of the first samples are right, so that the smoke test passes.
    swapped[:, [5, 6]] = swapped[:, [6, 5]]
    of_two = np.isin(right.inputs.argmax(axis=1), [5, 6])
    outputs = np.where(of_two[:, None], swapped, right.outputs)
    assert failed(judged(replace(right, outputs=outputs))) <= {"labels", "outputs"}


def test_a_board_that_fails_the_smoke_test_is_asked_how_far_off_it_is(
    judged: Callable[..., BoardVerdict], right: AcceptanceSet
) -> None:
    assert right.outputs is not None
    off = np.clip(right.outputs.astype(np.int16) - 10, -128, 127).astype(np.int8)
    # More than a board answers at once.
    plan = PLAN.model_copy(update={"golden_vectors": 100})
    (smoke,) = judged(replace(right, outputs=off), plan).checks
    told = smoke.finding.model_dump()
    assert (told["asked"], told["largest"]) == (3, 10)
    assert told["named_alike"] == told["samples"] >= plan.golden_vectors


@pytest.mark.parametrize("every", [10, 5])
def test_a_port_that_disagrees_on_labels_is_refused_though_it_passes_its_floor(
    judged: Callable[..., BoardVerdict], right: AcceptanceSet, every: int
) -> None:
    assert right.outputs is not None
    outputs = right.outputs.copy()
    outputs[every - 1 :: every] = np.roll(outputs[every - 1 :: every], 1, axis=1)
    verdict = judged(replace(right, outputs=outputs), PLAN.model_copy(update={"accuracy": Accuracy(floor=0.8)}))
    assert failed(verdict) <= {"labels", "outputs"}
    accuracy = next(check for check in verdict.checks if check.name == "accuracy")
    assert accuracy.status != "failed"
    assert accuracy.measured is not None
    assert accuracy.measured > 0.9


def test_outputs_beyond_the_stated_rate_are_refused_though_every_label_agrees(
    judged: Callable[..., BoardVerdict], right: AcceptanceSet
) -> None:
    assert right.outputs is not None
    outputs = right.outputs.copy()
    outputs[4::5, 0] -= 3
    assert failed(judged(replace(right, outputs=outputs))) == {"outputs"}


def test_an_arena_overrun_is_the_models_fault(
    tmp_path: Path, public_key: Path, image: SignedImage, right: AcceptanceSet
) -> None:
    small = write_profile(tmp_path, "small", arena_bytes=600)
    with running_board(tmp_path / "board", public_key, profile=str(small)) as powered:
        evidence = asyncio.run(try_on(powered.url, image, right))
    assert evidence.failure is not None
    assert evidence.failure.kind == "model"
    assert "arena" in in_words(evidence.failure.reason)


async def try_on(url: str, image: SignedImage, acceptance: AcceptanceSet) -> BoardEvidence:
    try:
        await install(url, image)
    except SessionError as error:
        return BoardEvidence(board="s1", profile="small", failure=failure_of(error))
    return await examine(url, acceptance, PLAN, image)


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_a_byte_changed_after_signing_never_boots(
    board: RunningBoard, image: SignedImage, signing_key: SigningKey, place: float
) -> None:
    signed = sign_image(rotating_classifier(CLASSES), version="1.0.1", manifest=b"{}", key=signing_key)
    changed = bytearray(signed.data)
    changed[32 + int(place * len(rotating_classifier(CLASSES)))] ^= 1
    assert asyncio.run(boots(board.url, bytes(changed), signed.hash)) == image.hash


async def boots(url: str, data: bytes, image_hash: bytes) -> bytes:
    """The hash of what runs after an attempt to boot this."""
    async with session_with(url) as session:
        try:
            await session.install(data)
            await session.test(image_hash)
        except SessionError:
            pass
        await session.reset()
        return next(state.hash for state in await session.images() if state.active)


def test_anomalies_and_real_values_are_judged_on_the_board(
    judged: Callable[..., BoardVerdict], right: AcceptanceSet
) -> None:
    """The model gives back its input. What is high in the first place is an anomaly; so is it when it comes back."""
    assert right.outputs is not None
    targets = dequantize(right.outputs, right.output).astype(np.float64)
    regression = replace(right, labels=None, targets=targets, task=Task(name="regression"))
    plan = PLAN.model_copy(update={"against_production": None, "mae": Mae(ceiling=0.5, margin=1.0)})
    assert judged(regression, plan).accepted
    biased = replace(regression, targets=np.clip(targets - 3, -12.8, None))
    assert failed(judged(biased, plan)) == {"mae"}
    anomalous = np.arange(SAMPLES) % 2
    given_back = np.where((anomalous == 1)[:, None], targets + 5, targets)
    anomalies = replace(right, labels=anomalous, targets=given_back, task=Task(name="anomaly"))
    plan = PLAN.model_copy(update={"against_production": None, "auc": Auc(floor=0.9, margin=0.2)})
    assert judged(anomalies, plan).accepted
    assert failed(judged(replace(anomalies, labels=1 - anomalous), plan)) == {"auc"}


def test_a_board_with_a_model_of_another_shape_is_told_from_one_that_computes_wrongly(
    board: RunningBoard, image: SignedImage
) -> None:
    narrow = reference_of(identity_classifier(4), np.zeros((SAMPLES, 4), np.int8), None)
    evidence = asyncio.run(examine(board.url, narrow, PLAN, image))
    assert evidence.failure is not None
    assert evidence.failure.kind == "model"
    assert "int8[1, 8] to int8[1, 8], the release's int8[1, 4] to int8[1, 4]" in in_words(evidence.failure.reason)


def test_production_answers_before_the_candidate_takes_its_place(
    board: RunningBoard, image: SignedImage, right: AcceptanceSet
) -> None:
    """Twice as many samples as the paired test needs of a perfect port, and not all there are."""
    plan = PLAN.model_copy(update={"against_production": AgainstProduction(margin=0.1)})
    held = Reference.of(right, {}, most=plan.samples)

    async def ask() -> int:
        async with session_with(board.url) as session:
            examination = Examination(session, "s1", load_profile("cortex-m4"), right, held, plan)
            found = await examination.ask_production(image.hash.hex())
            assert found.answers is not None
            return len(found.answers.latencies_us)

    assert 40 <= asyncio.run(ask()) < SAMPLES


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BoardGone("/dev/ttyACM0", "no answer"), "board"),
        (LineError("/dev/ttyACM0", "damaged"), "board"),
        (ProtocolError("/dev/ttyACM0", "an answer of no sense"), "model"),
    ],
)
def test_silence_is_the_board_s_fault_and_what_it_says_the_model_s(error: SessionError, kind: str) -> None:
    assert failure_of(error).kind == kind


class Taken:
    """A session whose board somebody else took."""

    def __init__(self, error: InUse) -> None:
        self._error = error

    async def health(self) -> NoReturn:
        raise self._error

    async def infer(self, _: Array) -> NoReturn:
        raise self._error


@pytest.mark.parametrize("error", [PortInUse("/dev/ttyACM0"), Fenced("/dev/ttyACM0", held=7, own=5)])
def test_a_board_that_somebody_else_took_is_evidence_of_nothing(right: AcceptanceSet, error: InUse) -> None:
    session, held = cast("DeviceSession", Taken(error)), Reference.of(right, {}, most=PLAN.samples)
    examination = Examination(session, "s1", load_profile("cortex-m4"), right, held, PLAN)

    async def reset() -> None:
        raise error

    for asked in (examination.run("", "staging"), examination.repeat([0]), examination.power_cycle(reset)):
        with pytest.raises(InUse):
            asyncio.run(asked)
