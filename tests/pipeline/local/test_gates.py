"""What stops a model on its way from the data to production boards, and what the boards run afterwards.

All runs share one workspace, in which the digits were promoted before: that release must outlive every refusal.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from components.data_gate.gates import DataGates
from edge_deployer.cli.exit_status import EXIT_REFUSED
from edge_deployer.ending import Ended
from edge_deployer.errors import TinyopsError
from edge_deployer.report.facts import Report
from edge_deployer.report.folders import REPORT_JSON
from edge_deployer.report.words import headline, remedy
from edge_deployer.rollout.deployment import Deployment
from pipeline.local.events import Event, Finished, Started
from pipeline.local.run import RunResult, run_project
from tests.edge_deployer.cli.command import tinyops
from tests.edge_deployer.inventories import virtual, write_inventory, write_profile
from tests.edge_deployer.outcomes import assert_outcome


@pytest.fixture
def promoted(first_run) -> str:
    """Hash of the release that production has."""
    result, _ = first_run
    return result.deployment.release.image_hash


@contextmanager
def configured(digits, **sections: Any) -> Iterator[None]:
    digits.configure(**sections)
    try:
        yield
    finally:
        digits.configure()


def report_of(result: RunResult) -> Report:
    return Report.model_validate_json(result.report.with_name(REPORT_JSON).read_text())


def assert_production_still_runs(image_hash: str, digits) -> None:
    """Ask the boards themselves."""
    probed = json.loads(tinyops("boards", "probe", "--workspace", digits.workspace, "--json").stdout)
    running = {board["board"]: board["running"]["hash"] for board in probed if board["pool"] == "production"}
    assert running
    assert set(running.values()) == {image_hash}, running


def running(deployment: Deployment, pool: str) -> set[str | None]:
    return {board.image_after for board in deployment.boards if board.pool == pool}


def test_a_model_that_is_not_blessed_never_reaches_staging(digits, promoted: str) -> None:
    with configured(digits, evaluate={"min_accuracy": 1.0}):
        refused = digits.run()
    assert_outcome(refused.deployment, "refused", at="evaluation")
    assert "is below 1.0000 on the whole eval split" in headline(refused.deployment)
    assert remedy(refused.deployment)
    assert refused.deployment.boards == []
    assert refused.deployment.steps == []
    assert "TFLMEvaluator" not in refused.cached
    assert "Trainer" in refused.cached
    assert_production_still_runs(promoted, digits)


@contextmanager
def tight_boards(digits, arena_bytes: int, **sections: Any) -> Iterator[None]:
    """Boards with this arena."""
    boards = [virtual(pool, pool, "tight.yaml") for pool in ("staging", "production")]
    write_inventory(digits.folder, boards, "tight-boards.yaml")
    write_profile(digits.folder, "tight", arena_bytes=arena_bytes)
    with configured(digits, deploy={"inventory": "tight-boards.yaml"}, **sections):
        config = yaml.safe_load(digits.config_file.read_text())
        digits.config_file.write_text(yaml.safe_dump({**config, "board_profile": "tight.yaml"}))
        yield


def test_a_model_over_the_boards_budget_never_reaches_staging(digits, promoted: str) -> None:
    with tight_boards(digits, 2500):
        # The second is an edit of the same file, which the cache must see.
        for arena_bytes in (2500, 2400):
            write_profile(digits.folder, "tight", arena_bytes=arena_bytes)
            refused = digits.run()
            assert_outcome(refused.deployment, "refused", at="validation")
            assert str(arena_bytes) in headline(refused.deployment).replace(",", "")
            assert refused.deployment.boards == []
            assert "Trainer" in refused.cached, "another profile trains nothing again"
    assert_production_still_runs(promoted, digits)


@pytest.mark.usefixtures("promoted")
def test_a_network_over_the_boards_budget_is_refused_before_it_is_trained(digits) -> None:
    with tight_boards(digits, 2500, train={"epochs": 1_000_000}):
        refused = tinyops("run", digits.config_file, "--workspace", digits.workspace)
    assert refused.status == EXIT_REFUSED
    assert "error: the network would not run on tight, trained or not: " in refused.stderr
    # It has no use for the number of epochs.
    assert ["Transform", "cached"] in [line.split()[:2] for line in refused.stderr.splitlines()]


def test_a_model_that_fails_staging_never_reaches_production(digits, first_run, promoted: str) -> None:
    impossible = {"budgets": {"cortex-m4": {"latency_p95_us": 1}}}
    with configured(digits, train={"seed": 1, "epochs": 6}, acceptance=impossible, evaluate={"max_drop": 0.1}):
        refused = digits.run()
    deployment = refused.deployment
    assert_outcome(deployment, "refused", at="staging")
    assert "latency" in headline(deployment)
    assert deployment.release.image_hash != promoted
    assert {board.outcome for board in deployment.boards if board.pool == "staging"} == {"reverted"}
    assert {board.outcome for board in deployment.boards if board.pool == "production"} == {"untouched"}
    assert running(deployment, "staging") == running(deployment, "production") == {promoted}
    # It was measured against the release that production has.
    facts = report_of(refused).evaluation
    assert facts.blessed
    assert facts.baseline == report_of(first_run[0]).evaluation.figure


def test_boards_give_tfmas_figure_to_the_last_sample(digits, first_run) -> None:
    """The digits' eval split is smaller than an acceptance set may be, so that all of it is in the release."""
    result, _ = first_run
    evaluation = report_of(result).evaluation
    samples = digits.workspace / "releases" / result.deployment.release.image_hash / "acceptance.npz"
    with np.load(samples) as arrays:
        labels = arrays["labels"]
    assert len(labels) == evaluation.examples
    done = tinyops("boards", "infer", "staging-1", samples, "--workspace", digits.workspace, "--json")
    answered = json.loads(done.stdout)
    right = sum(sample["class"] == label for sample, label in zip(answered["samples"], labels, strict=True))
    assert right == round(evaluation.figure * evaluation.examples)


def test_what_a_release_carries(digits, promoted: str) -> None:
    """Image, manifest and what stands beside them; the signed manifest names where the model is from."""
    folder = next(
        path.parent
        for path in (digits.workspace / "releases").glob("*/deployment.json")
        if promoted in path.read_text()
    )
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {path.name for path in folder.iterdir()} == {
        "image.bin",
        "manifest.json",
        "deployment.json",
        "attestation.json",
        *manifest["parts"],
    }
    assert set(manifest["parts"]) == {
        "model_source.tar.gz",
        "preprocessing_source.tar.gz",
        "tests.tar.gz",
        "acceptance.npz",
        "environment.txt",
        "public.pem",
        "front_end.json",
        "model_card.html",
        "model_card.json",
    }
    assert manifest["provenance"]["run_id"]
    assert len(manifest["provenance"]["data_fingerprint"]) == 64
    assert manifest["metrics"]["accuracy"] >= 0.975


@contextmanager
def other_data(digits, change: Callable[[Any, Any], tuple[Any, Any]], **sections: Any) -> Iterator[None]:
    """The digits, changed."""
    with np.load(digits.workspace / "data" / "digits.npz") as known:
        images, labels = change(known["image"], known["label"])
    np.savez(digits.folder / "other.npz", image=images, label=labels)
    with configured(digits, data={"source": "other.npz"}, **sections):
        yield


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda images, labels: (16 - images, labels), "values of image in this data are "),
        (
            lambda images, labels: (images, np.where(labels < 4, 9, labels)),
            "the share of class 9 is 50.9 % in this data and 10.5 % in the data accepted last: 0.40",
        ),
    ],
    ids=["taken with another camera", "labelled by somebody who knows six digits"],
)
def test_data_that_has_drifted_is_not_trained_on(digits, promoted: str, change: Any, said: str) -> None:
    with other_data(digits, change):
        refused = tinyops("run", digits.config_file, "--workspace", digits.workspace)
    assert refused.status == EXIT_REFUSED
    assert "error: the data is not trained on:" in refused.stderr
    assert said in refused.stderr.replace("\u202f", " ")
    assert "_drift: warn` in `data_gates`" in refused.stderr
    steps = [line.split()[0] for line in refused.stderr.splitlines() if line]
    assert "ProjectSchema" in steps
    assert "Transform" not in steps
    assert_production_still_runs(promoted, digits)


def followed_to(digits, component: str) -> list[Event]:
    """What a run tells until it comes to a component, where it is stopped."""
    events: list[Event] = []

    def follow(event: Event) -> None:
        events.append(event)
        if event == Started(component):
            raise Ended(signal.SIGINT)

    with pytest.raises(Ended):
        run_project(digits.config_file, digits.workspace, follow)
    return events


@pytest.mark.usefixtures("promoted")
def test_drift_that_is_meant_only_warns(digits) -> None:
    with other_data(digits, lambda images, labels: (16 - images, labels), data_gates={"value_drift": "warn"}):
        events = followed_to(digits, "Transform")
    (told,) = [event.outcome for event in events if isinstance(event, Finished) and event.component == "DataGate"]
    assert "warning: values of image in this data are " in told


def test_every_gate_has_a_line_in_the_report(first_run) -> None:
    result, _ = first_run
    report = report_of(result)
    assert {gate.gate for gate in report.data_gates} == set(DataGates.model_fields)
    assert {gate.level for gate in report.data_gates} == {"passed", "not measured"}
    for page in ("report.html", "report.md"):
        shown = result.report.with_name(page).read_text()
        for gate in report.data_gates:
            assert gate.gate.replace("_", " ") in shown


@pytest.mark.usefixtures("promoted")
def test_a_schema_that_is_kept_is_in_force_until_it_is_updated(digits) -> None:
    from pipeline.local.schema_update import update_schema

    file = digits.folder / "schema.pbtxt"
    try:
        written = update_schema(digits.config_file, digits.workspace)
        assert written.file == file
        assert '+  name: "image"' in written.difference
        assert not update_schema(digits.config_file, digits.workspace).difference
        text = file.read_text()
        file.write_text(text.replace("type: FLOAT", "type: FLOAT\n  float_domain { max: 15 }"))
        refused = tinyops("run", digits.config_file, "--workspace", digits.workspace)
        assert refused.status == EXIT_REFUSED
        assert "split train does not fit the schema: image: Unexpectedly high value: 16>15" in refused.stderr
        assert "tinyops schema update" in refused.stderr
        assert ["StatisticsGen", "cached"] in [line.split()[:2] for line in refused.stderr.splitlines()]
        updated = update_schema(digits.config_file, digits.workspace)
        assert "+    max: 16.0" in updated.difference
        (passed,) = [
            event.outcome
            for event in followed_to(digits, "Transform")
            if isinstance(event, Finished) and event.component == "DataGate"
        ]
        assert "warning" not in passed
    finally:
        file.unlink()


def test_a_schema_cannot_be_made_before_there_was_a_run(digits, tmp_path: Path) -> None:
    from pipeline.local.schema_update import update_schema

    with pytest.raises(TinyopsError, match="no run of project digits has left statistics") as refused:
        update_schema(digits.config_file, tmp_path)
    assert "tinyops run" in refused.value.remedy
