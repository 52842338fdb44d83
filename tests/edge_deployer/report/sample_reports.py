"""Reports with realistic figures: the handwritten digits on five virtual boards, and how their release can fare."""

from __future__ import annotations

import base64
import hashlib
import io
from datetime import datetime, timedelta, timezone

import numpy as np
from PIL import Image

from edge_deployer.acceptance.evidence import BoardEvidence, Failure, SampleEvidence
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.verdict import judge_board
from edge_deployer.release.manifest import Manifest, Provenance
from edge_deployer.release.validation_report import ValidationReport
from edge_deployer.report.facts import (
    ConversionFacts,
    DataFacts,
    Epoch,
    EvaluationFacts,
    LineageStep,
    Report,
    SamplePicture,
    SliceFacts,
)
from edge_deployer.rollout.deployment import BoardOutcome, BoardRecord, Deployment, ReleaseRecord, Step
from edge_deployer.tensors import Array

STARTED = datetime(2026, 3, 14, 9, 26, 53, tzinfo=timezone.utc)
PLAN = AcceptancePlan(min_accuracy=0.96, max_latency_us=2_000)
DIGITS = tuple(str(digit) for digit in range(10))
BOARDS = (("staging-1", "staging"), ("staging-2", "staging"), ("line-1", "production"), ("line-2", "production"))
ALL_BOARDS = (*BOARDS, ("line-3", "production"))


def digest(text: str) -> str:
    """A SHA-256 that stands for something."""
    return hashlib.sha256(text.encode()).hexdigest()


NEW_IMAGE, OLD_IMAGE = digest("new image"), digest("old image")
RELEASE_ID = f"0.4.0-{NEW_IMAGE[:8]}"


def promoted() -> Report:
    """Every fact is known and every board took the release."""
    boards = [board(name, "confirmed") for name, _ in ALL_BOARDS]
    reason = f"{RELEASE_ID} passed staging and runs on all 3 production boards"
    return full_report(deployment(boards=boards, outcome="promoted", reason=reason))


def unchanged() -> Report:
    """Production runs the release already."""
    boards = [board(name, "unchanged") for name, _ in ALL_BOARDS]
    reason = f"{RELEASE_ID} already runs on all 3 production boards; nothing was changed"
    return full_report(deployment(boards=boards, outcome="unchanged", reason=reason, steps=[]))


def refused_at_evaluation() -> Report:
    """The Evaluator did not bless the model; the validator, which ran beside it, had nothing against it."""
    refusal = deployment(
        outcome="refused",
        gate="evaluation",
        reason="accuracy 0.9417 is below the floor of 0.975",
        remedy="improve the model or its data; lower evaluate.min_accuracy only if that is acceptable",
        release=None,
        steps=[],
        finished=STARTED,
    )
    report = full_report(refusal)
    assert report.evaluation is not None
    report.evaluation = report.evaluation.model_copy(
        update={"blessed": False, "accuracy": 0.9417, "reason": refusal.reason, "baseline_accuracy": 0.9806}
    )
    report.samples = []
    return report


def refused_at_validation() -> Report:
    """The arena is over the profile's budget; the model was pushed by hand, so nothing else is known."""
    reason = "the model needs an arena of 71,248 bytes; profile cortex-m4 has 65,536"
    refusal = deployment(
        outcome="refused",
        gate="validation",
        reason=reason,
        remedy="change the model as the reason says; no board was touched",
        release=None,
        steps=[],
        finished=STARTED,
    )
    found = validation().model_copy(
        update={"blessed": False, "reason": reason, "arena_bytes": 71_248, "confusion": None, "accuracy": None}
    )
    return Report(title="person_detect", deployment=refusal, validation=found)


def refused_at_staging() -> Report:
    """One staging board computes something else; both went back to the image they had."""
    boards = [
        board("staging-1", "reverted"),
        board("staging-2", "reverted", differing=14),
        *(board(name, "untouched") for name in ("line-1", "line-2", "line-3")),
    ]
    assert boards[1].evidence is not None
    return full_report(
        deployment(
            boards=boards,
            outcome="refused",
            gate="staging",
            reason=f"staging-2: {judge_board(boards[1].evidence, NEW_IMAGE, PLAN, pool='staging').reason}",
            remedy="read each board's checks in the report; every board has its earlier release",
        )
    )


def refused_in_production() -> Report:
    """The second production board stops answering; one board could not be brought back."""
    boards = [
        board("staging-1", "rolled back"),
        board("staging-2", "rolled back"),
        board("line-1", "rolled back"),
        board("line-2", "not restored", failure=Failure(kind="board", reason="no answer within 5.0 s to image state")),
        board("line-3", "untouched"),
    ]
    return full_report(
        deployment(
            boards=boards,
            outcome="refused",
            gate="production",
            reason="line-2: no answer within 5.0 s to image state",
            remedy="read each board's checks in the report; every board has its earlier release",
        )
    )


def refused_at_boards() -> Report:
    """A board does not answer before anything was installed."""
    boards = [board(name, "untouched") for name, _ in ALL_BOARDS]
    return full_report(
        deployment(
            boards=boards,
            outcome="refused",
            gate="boards",
            reason="line-3: no answer within 5.0 s to echo",
            remedy="check the board's power and its port, /dev/ttyACM3",
            steps=[],
        )
    )


def pushed_by_hand() -> Report:
    """A model of some other pipeline: only the deployment and the validation are known."""
    report = promoted()
    found = validation().model_copy(update={"confusion": None, "accuracy": None, "eval_samples": 0, "class_names": []})
    report.deployment.plan = AcceptancePlan()
    return Report(title="kws_ref_model", deployment=report.deployment, validation=found)


def many_classes(count: int = 30) -> Report:
    """Thirty gestures with names, one of them long, and long names wherever a user chooses them."""
    report = promoted()
    names = [f"gesture {number:02d}" for number in range(count - 1)] + ["anticlockwise double wrist rotation"]
    rng = np.random.default_rng(7)
    counts = np.diag(rng.integers(36, 44, count))
    for truth, answer in rng.integers(0, count, (45, 2)):
        counts[truth, answer] += 1
    report.title = "wrist_gesture_recognition_for_left_and_right_handed_wearers_2026_spring_collection"
    report.run_id = "wrist-gesture-recognition-2026-03-14T09-26-53Z-automatic-retraining-after-drift"
    assert report.data is not None
    assert report.evaluation is not None
    report.data = report.data.model_copy(update={"class_names": names, "group": "wearer"})
    report.validation = validation().model_copy(update={"class_names": names, "confusion": counts.tolist()})
    report.evaluation.slices = [
        SliceFacts(name=f"label:{name}", examples=40, accuracy=float(0.9 + rng.random() / 10)) for name in names
    ]
    report.deployment.boards[0].name = "bench-rack-07.shelf-3.slot-12.nucleo-f767zi-revision-c02"
    return report


def full_report(record: Deployment) -> Report:
    """All facts of the digits pipeline around a deployment."""
    fingerprint = digest("digits")
    steps = ("examples", "training", "int8 model", "evaluation", "validation", "acceptance set")
    types = ("Examples", "ModelRun", "Model", "ModelBlessing", "InfraBlessing", "AcceptanceSet")
    return Report(
        title="digits",
        run_id="2026-03-14T09:26:12.532318",
        deployment=record,
        data=DataFacts(
            source="scikit-learn's handwritten digits (digits.npz)",
            fingerprint=fingerprint,
            splits={"train": 1_437, "eval": 360},
            class_names=list(DIGITS),
        ),
        training=training(),
        conversion=ConversionFacts(
            float_accuracy=0.98333,
            int8_accuracy=0.98056,
            label_agreement=0.99722,
            model_bytes=5_008,
            representative_examples=200,
            input_scale=0.0627451,
            input_zero_point=-128,
            output_scale=0.00390625,
            output_zero_point=-128,
        ),
        evaluation=EvaluationFacts(
            blessed=True,
            examples=360,
            accuracy=0.98056,
            min_accuracy=0.975,
            max_drop=0.01,
            slices=[
                SliceFacts(name=f"label:{row}", examples=sum(counts), accuracy=counts[row] / sum(counts))
                for row, counts in enumerate(confusion())
            ],
        ),
        validation=validation(),
        lineage=[
            LineageStep(step="data", artifact="digits.npz", identity=f"sha256:{fingerprint}"),
            *(
                LineageStep(step=step, artifact=kind, identity=f"ML Metadata artifact {number}")
                for number, (step, kind) in enumerate(zip(steps, types, strict=True), start=1)
            ),
        ],
        samples=samples(),
    )


def deployment(
    *,
    outcome: str,
    reason: str,
    gate: str | None = None,
    remedy: str | None = None,
    boards: list[BoardRecord] | None = None,
    release: ReleaseRecord | str | None = "default",
    steps: list[Step] | None = None,
    finished: datetime = STARTED + timedelta(seconds=14.2),
) -> Deployment:
    """A deployment of the sample release."""
    return Deployment.model_validate(
        {
            "outcome": outcome,
            "gate": gate,
            "reason": reason,
            "remedy": remedy,
            "release": release_record() if release == "default" else release,
            "plan": PLAN,
            "boards": boards or [],
            "steps": journal(boards or []) if steps is None else steps,
            "started": STARTED,
            "finished": finished,
        }
    )


def release_record() -> ReleaseRecord:
    """The sample release."""
    manifest = Manifest(
        name="digits",
        version="0.4.0",
        model_sha256=digest("model"),
        model_bytes=5_008,
        arena_bytes=2_768,
        board_profile="cortex-m4",
        provenance=Provenance(
            run_id="2026-03-14T09:26:12.532318",
            git_commit="5d41402abc4b2a76b9719d911017c592ae1f3c7e",
            git_dirty=True,
            data_fingerprint=digest("digits"),
        ),
        metrics={"accuracy": 0.98056, "eval_examples": 360.0},
        parts={
            name: digest(name)
            for name in (
                "acceptance.npz",
                "environment.txt",
                "model_source.tar.gz",
                "preprocessing_source.tar.gz",
                "tests.tar.gz",
            )
        },
    )
    return ReleaseRecord(release_id=RELEASE_ID, image_hash=NEW_IMAGE, image_bytes=6_712, manifest=manifest)


def board(name: str, outcome: BoardOutcome, *, differing: int = 0, failure: Failure | None = None) -> BoardRecord:
    """A board whose evidence was judged by the real checks; an untouched one was not examined."""
    pool = "staging" if name.startswith("staging") else "production"
    has_new = outcome in ("confirmed", "unchanged")
    record = BoardRecord(
        name=name,
        pool=pool,
        profile="cortex-m4",
        virtual=name != "line-3",
        image_before=NEW_IMAGE if outcome == "unchanged" else None if name == "line-2" else OLD_IMAGE,
        image_after=NEW_IMAGE if has_new else None if name == "line-2" else OLD_IMAGE,
        outcome=outcome,
    )
    if outcome == "untouched":
        return record
    evidence = board_evidence(name, 200 if pool == "staging" else 16, differing=differing, failure=failure)
    record.evidence = evidence
    record.checks = judge_board(evidence, NEW_IMAGE, PLAN, pool=pool).checks
    record.install_seconds = None if failure else 2.13 + len(name) / 10
    return record


def board_evidence(name: str, count: int, *, differing: int, failure: Failure | None) -> BoardEvidence:
    """Answers to `count` samples, `differing` of which are not the reference's."""
    if failure:
        return BoardEvidence(board=name, failure=failure)
    truth = [index % 10 for index in range(count)]
    reference = [(label + 1) % 10 if index in (1, 40) and count > 16 else label for index, label in enumerate(truth)]
    answers = [(label + 1) % 10 if 2 <= index < 2 + differing else label for index, label in enumerate(reference)]
    return BoardEvidence(
        board=name,
        echo=True,
        running_hash=NEW_IMAGE,
        arena_used=2_768,
        arena_bytes=65_536,
        faults=0,
        samples=SampleEvidence(
            board_labels=tuple(answers),
            reference_labels=tuple(reference),
            true_labels=tuple(truth),
            deviations=tuple(90 if 2 <= index < 2 + differing else 0 for index in range(count)),
            latencies_us=tuple(871 for _ in range(count)),
        ),
    )


def journal(boards: list[BoardRecord]) -> list[Step]:
    """The steps that a board's outcome implies, a second apart."""
    told = []
    for record in boards:
        if record.outcome in ("untouched", "unchanged"):
            continue
        told.append((record.name, "install", f"{RELEASE_ID}, 6,712 bytes"))
        told.append((record.name, "reset", "boots the release unconfirmed"))
        if record.evidence and record.evidence.failure:
            told.append((record.name, "refused", record.evidence.failure.reason))
        else:
            told.append((record.name, "examine", "200 samples" if record.pool == "staging" else "16 samples"))
        told.append((record.name, "confirm" if record.outcome == "confirmed" else record.outcome, RELEASE_ID))
    return [
        Step(at=STARTED + timedelta(seconds=number), board=name, action=action, detail=detail)
        for number, (name, action, detail) in enumerate(told, start=1)
    ]


def validation() -> ValidationReport:
    """The validator's findings on the digits model."""
    return ValidationReport(
        blessed=True,
        reason=None,
        profile="cortex-m4",
        operators={"CONV_2D": 2, "MAX_POOL_2D": 1, "FULLY_CONNECTED": 1, "RESHAPE": 1, "SOFTMAX": 1},
        macs=27_872,
        model_bytes=5_008,
        slot_limit=262_144,
        arena_bytes=2_768,
        arena_limit=65_536,
        latency_us=871.0,
        eval_samples=360,
        accuracy=0.98056,
        confusion=confusion(),
        class_names=list(DIGITS),
        acceptance_samples=200,
    )


def confusion() -> list[list[int]]:
    """360 samples of ten digits, 7 of them wrong."""
    counts = np.diag([36, 35, 36, 36, 35, 36, 36, 35, 33, 35])
    for truth, answer in ((1, 8), (4, 7), (8, 1), (8, 1), (8, 9), (9, 3), (7, 9)):
        counts[truth, answer] += 1
    return [[int(count) for count in row] for row in counts]


def training(epochs: int = 25) -> list[Epoch]:
    """A curve that settles, with a little noise on the eval split."""
    rng = np.random.default_rng(3)
    decay = np.exp(-np.arange(epochs) / 4.5)
    wobble = rng.normal(0, 0.006, epochs)
    return [
        Epoch(
            loss=round(float(0.03 + 2.1 * fall), 4),
            accuracy=round(float(0.995 - 0.72 * fall), 4),
            eval_loss=round(float(0.08 + 1.95 * fall + abs(shake)), 4),
            eval_accuracy=round(float(min(0.983, 0.983 - 0.65 * fall + shake)), 4),
        )
        for fall, shake in zip(decay, wobble, strict=True)
    ]


def samples() -> list[SamplePicture]:
    """Twelve 8 x 8 pictures, the first of them answered wrongly."""
    rng = np.random.default_rng(11)
    return [
        SamplePicture(
            png=_png(rng.integers(0, 255, (8, 8)).astype(np.uint8)),
            board="staging-1",
            answer="2" if index == 0 else str(index % 10),
            truth=str(index % 10) if index else "1",
        )
        for index in range(12)
    ]


def _png(image: Array) -> str:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()
