"""Reports with realistic figures: the handwritten digits on five virtual boards, and how their release can fare."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Literal

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge_deployer.acceptance.check import Case
from edge_deployer.acceptance.evidence import BoardEvidence, Failure
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.pool_verdict import Examined, judge_pool
from edge_deployer.acceptance.verdict import BoardVerdict, judge_board
from edge_deployer.boards.record import BoardOutcome, BoardRecord, Step
from edge_deployer.finding import Finding, Told
from edge_deployer.public_key import public_pem
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.release.bundle import Bundle
from edge_deployer.release.data_findings import FewestExamples, GateResult, NotMeasured, SchemaFits, ValueDistance
from edge_deployer.release.difference import (
    FigureChange,
    FileChange,
    ReleaseDifference,
    ReleaseName,
    SizeChange,
    TextChange,
)
from edge_deployer.release.dsse import Envelope
from edge_deployer.release.front_end import FrontEndFacts
from edge_deployer.release.image import SignedImage
from edge_deployer.release.keys import SigningKey
from edge_deployer.release.manifest import Manifest, Provenance
from edge_deployer.release.refusals import (
    AboveBaseline,
    AboveThreshold,
    AsGoodAsConstant,
    BelowThreshold,
    Misfit,
    NotBlessed,
)
from edge_deployer.release.validation_report import ValidationReport
from edge_deployer.report.facts import (
    ConversionFacts,
    DataFacts,
    Epoch,
    EvaluationFacts,
    LineageStep,
    Report,
    SliceFacts,
)
from edge_deployer.report.pictures import sample_pictures
from edge_deployer.report.words import in_words
from edge_deployer.rollout.attesting import attest
from edge_deployer.rollout.deployment import Deployment, ReleaseRecord
from edge_deployer.rollout.refusals import BoardInTrouble, InQuarantine, TooFewBoards
from edge_deployer.task import Task
from tests.edge_deployer.report import sample_evidence
from tests.edge_deployer.report.sample_evidence import NEW_IMAGE, OLD_IMAGE, PLAN, PROFILE, digest

STARTED = datetime(2026, 3, 14, 9, 26, 53, tzinfo=timezone.utc)
DIGITS = sample_evidence.DIGITS
STAGING = ("staging-1", "staging-2")
PRODUCTION = ("line-1", "line-2", "line-3")
RELEASE_ID = f"0.4.0-{NEW_IMAGE[:8]}"
_PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(32))
KEY = SigningKey(None, public_pem(_PRIVATE.public_key()), _PRIVATE)


def promoted() -> Report:
    """Every fact is known and every board took the release."""
    record = promotion([board(name, "confirmed") for name in (*STAGING, *PRODUCTION)])
    record.change = change()
    report = full_report(record)
    report.attestation = Envelope.model_validate_json(attest(bundle(), report.deployment, KEY))
    return report


def bundle() -> Bundle:
    """As much of the sample release as is attested."""
    image = SignedImage(data=b"image", hash=bytes.fromhex(NEW_IMAGE), payload=b"", manifest=b"")
    return Bundle(Path(), image, release_record().manifest, sample_evidence.acceptance())


def change() -> ReleaseDifference:
    """More data, a layer more, a file and a package that nobody needs any more."""
    return ReleaseDifference(
        release=ReleaseName(release_id=RELEASE_ID, image_hash=NEW_IMAGE),
        against=ReleaseName(release_id=f"0.3.0-{OLD_IMAGE[:8]}", image_hash=OLD_IMAGE),
        model_changed=True,
        acceptance_set_changed=True,
        facts={
            "data": TextChange(before=digest("fewer digits"), after=digest("digits")),
            "commit": TextChange(before=None, after="c0ffee with changes"),
        },
        metrics={"accuracy": FigureChange(before=0.9725, after=0.98056), "auc": FigureChange(before=None, after=0.75)},
        sizes={"model": SizeChange(before=4_000, after=5_008), "arena": SizeChange(before=None, after=3_700)},
        files=[
            FileChange(archive="model_source.tar.gz", name="model.py", change="changed"),
            FileChange(archive="tests.tar.gz", name="test_old.py", change="removed"),
        ],
        packages={"numpy": TextChange(before="1.26.4", after="2.2.6"), "dill": TextChange(before="0.3.1", after=None)},
    )


def unchanged() -> Report:
    """Production runs the release already; the evidence is that of its promotion."""
    record = promotion([board(name, "unchanged") for name in (*STAGING, *PRODUCTION)])
    record.outcome, record.steps = "unchanged", []
    return full_report(record)


def warned() -> Report:
    """One board is slow, which only warns by this plan."""
    plan = PLAN.model_copy(update={"on_failure": {"latency": "warn"}})
    boards = [board("staging-1", "confirmed", plan=plan, latency_us=2_871), board("staging-2", "confirmed", plan=plan)]
    return full_report(promotion([*boards, *(board(name, "confirmed", plan=plan) for name in PRODUCTION)], plan))


def quarantined() -> Report:
    """One board of three differs alone: a spare stands in for it, and the release goes on."""
    boards = [
        board("staging-1", "confirmed"),
        board("staging-2", "reverted", wrong=range(3, 300, 7), asked_again=True),
        board("staging-3", "confirmed", spare=True),
        board("staging-4", "untouched", spare=True),
    ]
    return full_report(promotion([*boards, *(board(name, "confirmed") for name in PRODUCTION)]))


def undecided() -> Report:
    """Both boards differ on a share that lies between what is tolerated and what is bad."""
    boards = [board(name, "reverted", wrong=range(30, 300, 40)) for name in STAGING]
    return full_report(stopped(boards, outcome="no verdict"))


def too_few_boards() -> Report:
    """One of two staging boards falls silent, and there is no spare."""
    boards = [
        board("staging-1", "reverted"),
        board("staging-2", "reverted", failure=Failure(kind="board", reason="no answer within 5.0 s to inference")),
    ]
    return full_report(stopped(boards, outcome="no verdict"))


def no_healthy_boards() -> Report:
    """One of two staging boards is in quarantine already: nothing is installed."""
    boards = [board("staging-1", "untouched"), board("staging-2", "untouched", confined="differs on 14 of 16 samples")]
    absent = InQuarantine(board="staging-2", reason=Told(text="differs on 14 of 16 samples"))
    reason = TooFewBoards(quorum=2, missing=1, absent=(absent,))
    return full_report(stopped(boards, gate="boards", reason=reason, outcome="no verdict"))


def refused_at_evaluation() -> Report:
    """The Evaluator did not bless the model; the validator, which ran beside it, had nothing against it."""
    refusal = deployment(
        outcome="refused",
        gate="evaluation",
        reason=NotBlessed(findings=(BelowThreshold(metric="accuracy", figure=0.9417, threshold=0.975, where=None),)),
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


def refused_regression() -> Report:
    """The age of a battery in days: three times as far off as the latest model, and no better than the median."""
    findings = (
        AboveThreshold(metric="mae", figure=71.25, threshold=30.0, where=None),
        AboveBaseline(metric="mae", rise=47.5, baseline=23.75, allowed=0.05, where=None),
        AsGoodAsConstant(metric="mae", figure=71.25, constant=68.5),
    )
    report = refused_at_evaluation()
    report.deployment.reason = NotBlessed(findings=findings)
    assert report.data is not None
    assert report.conversion is not None
    report.data = report.data.model_copy(
        update={"class_names": [], "class_counts": {"train": [], "eval": []}, "group": "battery"}
    )
    report.training = [Epoch(loss=epoch.loss, eval_loss=epoch.eval_loss) for epoch in training()]
    report.conversion = report.conversion.model_copy(
        update={"metric": "mae", "float_figure": 70.75, "int8_figure": 71.25, "label_agreement": None}
    )
    report.evaluation = EvaluationFacts(
        blessed=False,
        reason=report.deployment.reason,
        examples=360,
        task=Task(name="regression", why="the data has targets"),
        figures={"mae": 71.25, "rmse": 88.0},
        least={},
        most={"mae": 30.0},
        constant_error=68.5,
        max_drop=0.0,
        max_rise=0.05,
        baseline=23.75,
        slices=[SliceFacts(name=f"battery = {name}", examples=180, figure=57 + 28.5 * name) for name in range(2)],
    )
    report.validation = validation().model_copy(
        update={
            "task": report.evaluation.task,
            "figures": report.evaluation.figures,
            "majority": None,
            "constant_error": 68.5,
            "confusion": None,
            "class_names": [],
        }
    )
    return report


def refused_at_validation() -> Report:
    """The arena is over the profile's budget; the model was pushed by hand, so nothing else is known."""
    reason = Misfit(of="arena", board="profile cortex-m4", needed=71_248, limit=65_536)
    refusal = deployment(
        outcome="refused",
        gate="validation",
        reason=reason,
        release=None,
        steps=[],
        finished=STARTED,
    )
    found = validation().model_copy(
        update={
            "blessed": False,
            "reason": reason,
            "arena_bytes": 71_248,
            "confusion": None,
            "figures": {},
            "majority": None,
        }
    )
    return Report(title="person_detect", deployment=refusal, validation=found)


def refused_at_staging() -> Report:
    """Both staging boards compute something else: the model's fault. They went back to the image they had."""
    return full_report(stopped([board(name, "reverted", wrong=range(2, 300, 9)) for name in STAGING]))


def refused_on_signals() -> Report:
    """The same where inputs are the three axes of a wand's stroke."""
    return full_report(
        stopped([board(name, "reverted", wrong=range(2, 300, 9)) for name in STAGING]), sample_evidence.strokes()
    )


def refused_in_production() -> Report:
    """The second production board stops answering; one board could not be brought back."""
    boards = [
        board("staging-1", "rolled back"),
        board("staging-2", "rolled back"),
        board("line-1", "rolled back"),
        board("line-2", "not restored", failure=Failure(kind="board", reason="no answer within 5.0 s to image state")),
    ]
    return full_report(stopped(boards, gate="production"))


def refused_at_boards() -> Report:
    """A board does not answer before anything was installed."""
    reason = BoardInTrouble(
        board="line-3",
        message="no answer within 5.0 s to echo",
        help="check the board's power and its port, /dev/ttyACM3",
    )
    record = stopped([], gate="boards", reason=reason)
    record.steps = []
    return full_report(record)


def pushed_by_hand() -> Report:
    """A model of some other pipeline: only the deployment and the validation are known."""
    report = promoted()
    found = validation().model_copy(
        update={
            "confusion": None,
            "figures": {},
            "task": None,
            "majority": None,
            "eval_samples": 0,
            "class_names": [],
        }
    )
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
    report.data = report.data.model_copy(
        update={"class_names": names, "class_counts": {"train": [48] * count}, "group": "wearer"}
    )
    report.validation = validation().model_copy(update={"class_names": names, "confusion": counts.tolist()})
    report.evaluation.slices = [
        SliceFacts(name=f"label:{name}", examples=40, figure=float(0.9 + rng.random() / 10)) for name in names
    ]
    report.deployment.boards[0].name = "bench-rack-07.shelf-3.slot-12.nucleo-f767zi-revision-c02"
    return report


def data_gates() -> list[GateResult]:
    """Two that passed, one that warns, and one without anything to measure."""
    return [
        GateResult(gate="schema_anomalies", level="passed", finding=SchemaFits()),
        GateResult(
            gate="class_examples",
            level="warned",
            finding=FewestExamples(name="seven", count=6, limit=10),
        ),
        GateResult(
            gate="value_skew",
            level="passed",
            finding=ValueDistance(of="split eval", known="split train", feature="image", distance=0.0125, limit=0.25),
        ),
        GateResult(gate="label_drift", level="not measured", finding=NotMeasured(why="nothing_accepted")),
    ]


def full_report(record: Deployment, acceptance: AcceptanceSet | None = None) -> Report:
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
            class_counts={"train": [*[144] * 7, *[143] * 3], "eval": [36] * 10},
        ),
        data_gates=data_gates(),
        training=training(),
        conversion=ConversionFacts(
            metric="accuracy",
            float_figure=0.98333,
            int8_figure=0.98056,
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
            task=Task(name="classification"),
            figures={"accuracy": 0.98056},
            least={"accuracy": 0.975},
            max_drop=0.01,
            slices=[
                SliceFacts(name=f"label:{row}", examples=sum(counts), figure=counts[row] / sum(counts))
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
        samples=sample_pictures(acceptance or sample_evidence.acceptance(), record),
    )


def promotion(boards: list[BoardRecord], plan: AcceptancePlan = PLAN) -> Deployment:
    """The release on all production boards, by what the staging boards say."""
    record = deployment(outcome="promoted", boards=boards, plan=plan)
    assert record.staging is not None
    assert record.staging.decision == "accepted"
    return record


def stopped(
    boards: list[BoardRecord], *, gate: str = "staging", outcome: str = "refused", reason: Finding | None = None
) -> Deployment:
    """The release did not get further than this gate; the other boards are as they were."""
    named = {record.name for record in boards}
    others = [board(name, "untouched") for name in (*STAGING, *PRODUCTION) if name not in named]
    order = [*STAGING, *PRODUCTION]
    boards = sorted((*boards, *others), key=lambda record: order.index(record.name))
    record = deployment(outcome=outcome, gate=gate, reason=reason, boards=boards)
    if gate == "staging":
        assert record.staging is not None
        assert record.staging.decision == outcome
    return record


def deployment(
    *,
    outcome: str,
    reason: Finding | None = None,
    gate: str | None = None,
    boards: list[BoardRecord] | None = None,
    plan: AcceptancePlan = PLAN,
    release: ReleaseRecord | str | None = "default",
    steps: list[Step] | None = None,
    finished: datetime = STARTED + timedelta(seconds=14.2),
) -> Deployment:
    """A deployment of the sample release; the staging pool judges what its boards found."""
    boards = boards or []
    examined = [
        Examined(evidence=record.evidence, verdict=record.verdict)
        for record in sorted(boards, key=lambda record: record.spare)
        if record.pool == "staging" and record.evidence and record.verdict
    ]
    accepting = [board.evidence for board in examined if board.verdict.accepted]
    for record in boards:
        if record.pool == "production" and record.evidence:
            record.verdict = judged(record, plan, staging=accepting)
    reference = sample_evidence.reference() if examined else None
    quorum = plan.quorum_of(sum(record.pool == "staging" and not record.spare for record in boards))
    return Deployment.model_validate(
        {
            "outcome": outcome,
            "gate": gate,
            "reason": reason,
            "release": release_record() if release == "default" else release,
            "plan": plan,
            "reference": reference,
            "staging": judge_pool(examined, reference, plan, quorum=quorum) if reference else None,
            "boards": boards,
            "steps": journal(boards) if steps is None else steps,
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
        board_profile=PROFILE,
        provenance=Provenance(
            run_id="2026-03-14T09:26:12.532318",
            git_commit="5d41402abc4b2a76b9719d911017c592ae1f3c7e",
            git_dirty=True,
            data_fingerprint=digest("digits"),
        ),
        metrics={"accuracy": 0.98056, "eval_examples": 360.0},
        front_end=FrontEndFacts(name="scale", version="1", on_board=True, parameters={"shift": 4, "offset": -128}),
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
    return ReleaseRecord(
        release_id=RELEASE_ID, image_hash=NEW_IMAGE, image_bytes=sample_evidence.IMAGE_BYTES, manifest=manifest
    )


def board(
    name: str,
    outcome: BoardOutcome,
    *,
    plan: AcceptancePlan = PLAN,
    spare: bool = False,
    confined: str | None = None,
    wrong: Sequence[int] = (),
    latency_us: int = 871,
    asked_again: bool = False,
    failure: Failure | None = None,
) -> BoardRecord:
    """A board whose evidence was judged by the real checks; an untouched one was not examined.

    Args:
        name: says the pool.
        outcome: how it ended for this board.
        plan: what it was judged by.
        spare: whether it stands in for others.
        confined: why it was in quarantine before.
        wrong: samples on which it names another class than TFLM.
        latency_us: of each inference.
        asked_again: whether it was asked again what it is alone in.
        failure: what ended its examination.
    """
    pool: Literal["staging", "production"] = "staging" if name.startswith("staging") else "production"
    has_new = outcome in ("confirmed", "unchanged")
    record = BoardRecord(
        name=name,
        pool=pool,
        profile=PROFILE,
        virtual=name != "line-3",
        image_before=NEW_IMAGE if outcome == "unchanged" else None if name == "line-2" else OLD_IMAGE,
        image_after=NEW_IMAGE if has_new else None if name == "line-2" else OLD_IMAGE,
        outcome=outcome,
        spare=spare,
        quarantined=None if confined is None else Told(text=confined),
    )
    if outcome == "untouched":
        return record
    record.evidence = sample_evidence.board_evidence(
        name,
        plan,
        pool=pool,
        wrong=wrong,
        latency_us=latency_us,
        asked_again=asked_again,
        failure=failure,
        confirmed=pool == "staging" and outcome != "reverted",
    )
    record.verdict = judged(record, plan)
    record.install_seconds = None if failure else 2.13 + len(name) / 10
    return record


def judged(record: BoardRecord, plan: AcceptancePlan, staging: Sequence[BoardEvidence] = ()) -> BoardVerdict:
    """What the board's evidence says of the sample release."""
    assert record.evidence is not None
    held = sample_evidence.reference()
    return judge_board(
        Case(
            record.evidence,
            held,
            plan,
            sample_evidence.SUBJECT,
            pool=record.pool,
            virtual=record.virtual,
            staging=staging,
        )
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
            told.append((record.name, "refused", in_words(record.evidence.failure.reason)))
        else:
            told.append((record.name, "examine", "as many samples as it takes"))
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
        profile=PROFILE,
        operators={"CONV_2D": 2, "MAX_POOL_2D": 1, "FULLY_CONNECTED": 1, "RESHAPE": 1, "SOFTMAX": 1},
        precision="int8",
        macs=27_872,
        model_bytes=5_008,
        slot_limit=262_144,
        arena_bytes=2_768,
        arena_limit=65_536,
        latency_us=871.0,
        latency_note="TFLM's reference kernels in 2021",
        eval_samples=360,
        reference=True,
        task=Task(name="classification"),
        figures={"accuracy": 0.98056},
        majority=0.10278,
        confusion=confusion(),
        class_names=list(DIGITS),
        acceptance_samples=sample_evidence.SAMPLES,
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


PROMOTED = [
    promoted,
    unchanged,
    warned,
    quarantined,
    pushed_by_hand,
    many_classes,
]
STOPPED = [
    undecided,
    too_few_boards,
    no_healthy_boards,
    refused_at_evaluation,
    refused_regression,
    refused_at_validation,
    refused_at_staging,
    refused_on_signals,
    refused_in_production,
    refused_at_boards,
]
CASES = PROMOTED + STOPPED
