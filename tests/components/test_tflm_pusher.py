"""TFLMPusher's executor on what the other components left, with one virtual board in each pool."""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge_deployer.acceptance.checks.labels import Labels
from edge_deployer.acceptance.checks.outputs import Outputs
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.errors import TinyopsError
from edge_deployer.release.bundle import IMAGE_FILE, MANIFEST_FILE
from edge_deployer.release.model_card import FACTS_FILE, FILES, ModelCard
from edge_deployer.report.facts import Report
from edge_deployer.report.folders import REPORT_HTML, REPORT_JSON
from edge_deployer.report.words import headline
from edge_deployer.rollout.deployment import Deployment
from tests.edge_deployer.inventories import virtual, write_inventory
from tests.edge_deployer.outcomes import assert_outcome

INPUTS = {
    "model": ("TFLiteConverter", "int8_model"),
    "model_blessing": ("TFLMEvaluator", "blessing"),
    "infra_blessing": ("TFLMValidator", "blessing"),
    "acceptance_set": ("TFLMValidator", "acceptance_set"),
    "examples": ("SensorExampleGen", "examples"),
    "training": ("Trainer", "model_run"),
    "evaluation": ("TFLMEvaluator", "evaluation"),
}
FEW_SAMPLES = AcceptancePlan(labels=Labels(bad=0.5), outputs=Outputs(bad=0.5), against_production=None)


@dataclass(frozen=True)
class Delivered:
    """What one execution left behind."""

    pushed_model: Any
    deployment_report: Any
    html_report: Any
    markdown_report: Any

    @property
    def report(self) -> Report:
        return Report.model_validate_json(Path(self.deployment_report.uri, REPORT_JSON).read_text())

    @property
    def bundle(self) -> set[str]:
        return {path.name for path in Path(self.pushed_model.uri).iterdir()}

    def part(self, name: str) -> bytes:
        return Path(self.pushed_model.uri, name).read_bytes()


@pytest.fixture(scope="module")
def deliver(line) -> Callable[..., Delivered]:
    """Runs the executor in a workspace, with inputs changed as asked."""

    def run(folder: Path, number: int = 1, **changed: Any) -> Delivered:
        from tfx.types import standard_artifacts

        from components.artifact_types import DeploymentReport, HtmlReport, MarkdownReport
        from components.tflm_pusher.executor import Executor

        boards = [virtual(f"{pool}-1", pool, "cortex-m4") for pool in ("staging", "production")]
        inventory = write_inventory(folder, boards)
        outputs = {
            "pushed_model": standard_artifacts.PushedModel(),
            "deployment_report": DeploymentReport(),
            "html_report": HtmlReport(),
            "markdown_report": MarkdownReport(),
        }
        for name, artifact in outputs.items():
            artifact.uri = str(folder / f"{name}-{number}")
            Path(artifact.uri).mkdir(exist_ok=True)
        inputs = {name: line.artifact(*where) for name, where in INPUTS.items()} | changed
        Executor().Do(
            {name: [artifact] for name, artifact in inputs.items()},
            {name: [artifact] for name, artifact in outputs.items()},
            {
                "project": "blobs",
                "workspace": str(folder / "workspace"),
                "inventory": str(inventory),
                "signing_key": "",
                "release_version": "1.2.3",
                "plan": FEW_SAMPLES.model_dump_json(),
                "module": "blobs",
                "sources": json.dumps({"model_source.tar.gz": ["blobs.py"]}),
                "data_source": "blobs.npz",
                "class_names": json.dumps(["top", "middle", "bottom"]),
                "thresholds": json.dumps({"min_accuracy": 0.1, "max_drop": 0.5}),
                "stated_use": json.dumps({"intended_use": "to tell where a blob is"}),
            },
        )
        return Delivered(**outputs)

    return run


def shown_in_kubeflow(delivered: Delivered) -> dict[str, str]:
    """What the artifacts that Kubeflow shows hold, by their type."""
    artifacts = (delivered.html_report, delivered.markdown_report)
    return {artifact.type_name: next(Path(artifact.uri).iterdir()).read_text() for artifact in artifacts}


def require_refused(delivered: Delivered, folder: Path, gate: str) -> None:
    deployment = delivered.report.deployment
    assert_outcome(deployment, "refused", at=gate)
    assert delivered.pushed_model.get_int_custom_property("pushed") == 0
    assert delivered.bundle == set()
    assert delivered.deployment_report.get_int_custom_property("pushed") == 0
    assert delivered.deployment_report.get_string_custom_property("reason") == headline(deployment)
    assert Path(delivered.deployment_report.uri, REPORT_HTML).is_file()
    shown = shown_in_kubeflow(delivered)
    assert headline(deployment) in shown["system.Markdown"]
    assert shown["system.HTML"] == Path(delivered.deployment_report.uri, REPORT_HTML).read_text()
    assert not (folder / "workspace" / "boards").exists()


def test_a_model_that_the_evaluator_did_not_bless_reaches_no_board(
    deliver: Callable[..., Delivered], tmp_path: Path
) -> None:
    from tfx.types import standard_artifacts

    blessing = standard_artifacts.ModelBlessing()
    blessing.set_int_custom_property("blessed", 0)
    require_refused(deliver(tmp_path, model_blessing=blessing), tmp_path, "evaluation")


def test_a_model_that_the_validator_did_not_bless_reaches_no_board(
    line, deliver: Callable[..., Delivered], tmp_path: Path
) -> None:
    from tfx.types import standard_artifacts

    blessing = standard_artifacts.InfraBlessing()
    blessing.uri = line.artifact(*INPUTS["infra_blessing"]).uri
    blessing.set_int_custom_property("blessed", 0)
    require_refused(deliver(tmp_path, infra_blessing=blessing), tmp_path, "validation")


def test_a_second_try_finishes_what_the_first_one_left(deliver: Callable[..., Delivered], tmp_path: Path) -> None:
    """As Kubeflow tries a step again. Of a push that is killed itself, tests/interop/test_killed_rollouts.py."""
    from components.tflm_pusher.delivery import STEP_LOGGER

    def lose(record: logging.LogRecord) -> bool:
        if record.getMessage().startswith("production-1: examine"):
            raise TinyopsError("the pod is gone", remedy="try again")
        return True

    logger = logging.getLogger(STEP_LOGGER)
    logger.setLevel(logging.INFO)
    logger.addFilter(lose)
    try:
        with pytest.raises(TinyopsError, match="the pod is gone"):
            deliver(tmp_path, 1)
    finally:
        logger.removeFilter(lose)
    deployment = deliver(tmp_path, 2).report.deployment
    assert_outcome(deployment, "promoted")
    assert any(step.action == "interrupted" for step in deployment.steps)
    assert {board.outcome for board in deployment.boards} == {"confirmed"}


class TestPromotion:
    """One model, delivered twice. Its training left a curve that cannot be read, which must cost it nothing."""

    @pytest.fixture(scope="class")
    @staticmethod
    def delivered(
        deliver: Callable[..., Delivered], tmp_path_factory: pytest.TempPathFactory
    ) -> tuple[Delivered, Delivered]:
        from tfx.types import standard_artifacts

        folder = tmp_path_factory.mktemp("promotion")
        training = standard_artifacts.ModelRun()
        training.uri = str(folder)
        (folder / "training.json").write_text('{"train": {"accuracy": [0.5]}}')
        first = deliver(folder, 1, training=training)
        return first, deliver(folder, 2, training=training)

    def test_a_blessed_model_is_promoted(self, delivered: tuple[Delivered, Delivered]) -> None:
        first, _ = delivered
        deployment = first.report.deployment
        assert_outcome(deployment, "promoted")
        assert {board.outcome for board in deployment.boards} == {"confirmed"}
        assert {"acceptance.npz", "model_source.tar.gz", IMAGE_FILE, MANIFEST_FILE} <= first.bundle

    def test_the_release_has_its_model_card(self, delivered: tuple[Delivered, Delivered]) -> None:
        first, second = delivered
        assert set(FILES) <= first.bundle
        card = ModelCard.from_json(first.part(FACTS_FILE))
        assert second.part(FACTS_FILE) == first.part(FACTS_FILE)
        assert card.stated.intended_use == "to tell where a blob is"
        assert card.data is not None
        assert card.quality is not None
        assert first.report.data is not None
        assert {split.name: split.samples for split in card.data.splits} == first.report.data.splits
        assert card.quality.figures[0].least == 0.1
        assert card.budgets.operators

    def test_the_artifacts_say_so(self, delivered: tuple[Delivered, Delivered]) -> None:
        for each in delivered:
            assert each.pushed_model.get_int_custom_property("pushed") == 1
            assert each.deployment_report.get_int_custom_property("pushed") == 1
            assert each.deployment_report.get_string_custom_property("reason") == ""

    def test_the_second_delivery_changes_nothing(self, delivered: tuple[Delivered, Delivered]) -> None:
        first, second = delivered
        assert_outcome(second.report.deployment, "unchanged")
        assert second.report.deployment.release == first.report.deployment.release
        assert IMAGE_FILE in second.bundle

    def test_the_report_has_all_but_the_curve(self, delivered: tuple[Delivered, Delivered]) -> None:
        report = delivered[0].report
        assert report.training is None
        assert report.conversion is not None
        assert report.evaluation is not None
        assert report.validation is not None
        assert [step.step for step in report.lineage] == [
            "data",
            "examples",
            "training",
            "int8 model",
            "evaluation",
            "validation",
            "acceptance set",
        ]
        assert Path(delivered[0].deployment_report.uri, REPORT_HTML).is_file()


def test_an_outcome_is_told_and_marked_before_a_report_that_cannot_be_written(
    deliver: Callable[..., Delivered], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from tfx.types import standard_artifacts

    from components.tflm_pusher.delivery import OUTCOME_LOGGER

    blessing = standard_artifacts.ModelBlessing()
    blessing.set_int_custom_property("blessed", 0)
    (tmp_path / "deployment_report-1").mkdir()
    (tmp_path / "deployment_report-1" / REPORT_JSON).mkdir()
    caplog.set_level(logging.INFO)
    delivered = deliver(tmp_path, model_blessing=blessing)
    assert delivered.deployment_report.get_string_custom_property("reason")
    told = [record for record in caplog.records if record.name == OUTCOME_LOGGER]
    assert [Deployment.model_validate_json(vars(record)["deployment"]).outcome for record in told] == ["refused"]
    assert "warning: the report is not written" in caplog.text


def test_what_the_report_needs_is_read_before_a_board_is_touched(
    line, deliver: Callable[..., Delivered], tmp_path: Path
) -> None:
    from tfx.types import standard_artifacts

    from components.tflite_model import read_tflite, tflite_path

    lacking = standard_artifacts.Model()
    lacking.uri = str(tmp_path / "model")
    tflite_path(lacking).parent.mkdir(parents=True)
    tflite_path(lacking).write_bytes(read_tflite(line.artifact(*INPUTS["model"])))
    with pytest.raises(TinyopsError, match=r"conversion\.json cannot be read"):
        deliver(tmp_path, model=lacking)
    assert not (tmp_path / "workspace").exists()


def test_no_two_executions_have_the_same_cache_key() -> None:
    from tfx.orchestration.portable.data_types import ExecutionInfo

    from components.fingerprint_driver import FINGERPRINT
    from components.tflm_pusher.executor import Driver

    driver = Driver(None)
    keys = [driver.run(ExecutionInfo()).exec_properties[FINGERPRINT].string_value for _ in range(2)]
    assert all(keys)
    assert keys[0] != keys[1]


class TestProvenance:
    """What git knows of the folder."""

    @staticmethod
    def known(folder: Path) -> tuple[str | None, bool | None]:
        from components.tflm_pusher.delivery import provenance_of

        found = provenance_of(folder, run_id="run-7", data_fingerprint="ab")
        assert (found.run_id, found.data_fingerprint) == ("run-7", "ab")
        return found.git_commit, found.git_dirty

    def test_commit_and_uncommitted_changes(self, tmp_path: Path) -> None:
        def git(*arguments: str) -> str:
            identity = ("-c", "user.name=tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false")
            command = ["git", "-C", tmp_path, *identity, *arguments]
            return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

        git("init")
        assert self.known(tmp_path) == (None, None), "nothing is committed yet"
        (tmp_path / "train.py").write_text("1\n")
        git("add", ".")
        git("commit", "-m", "first")
        assert self.known(tmp_path) == (git("rev-parse", "HEAD"), False)
        (tmp_path / "train.py").write_text("2\n")
        assert self.known(tmp_path) == (git("rev-parse", "HEAD"), True)

    def test_outside_a_repository(self, tmp_path: Path) -> None:
        assert self.known(tmp_path) == (None, None)
