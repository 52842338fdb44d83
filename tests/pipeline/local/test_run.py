"""Whole runs of the digits in a process of their own, all in one workspace: each test adds what it needs."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from components.conversion_report import FILE_NAME as CONVERSION_FILE
from components.conversion_report import ConversionReport
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.ending import Ended
from edge_deployer.errors import TinyopsError
from edge_deployer.release.validation_report import FILE_NAME as VALIDATION_FILE
from edge_deployer.release.validation_report import ValidationReport
from edge_deployer.report.folders import REPORT_HTML
from edge_deployer.rollout.deployment import Deployment
from pipeline.local.events import (
    Concluded,
    Decided,
    Event,
    Failed,
    Finished,
    Launched,
    Planned,
    Progressed,
    Started,
    Stopped,
)
from pipeline.local.lineage import Lineage
from pipeline.local.run import RunFailed, result_of, run_project
from tests.edge_deployer.outcomes import assert_outcome

COMPONENTS = [
    "SensorExampleGen",
    "StatisticsGen",
    "ProjectSchema",
    "DataGate",
    "Transform",
    "Trainer",
    "TFLiteConverter",
    "LatestBlessedModel",
    "TFLMValidator",
    "TFLMEvaluator",
    "TFLMPusher",
]


def lineage(digits) -> Lineage:
    return Lineage(digits.workspace / "metadata.sqlite", "digits")


def test_every_component_ran_and_said_what_came_out(first_run, digits) -> None:
    result, events = first_run
    assert_outcome(result.deployment, "promoted")
    assert result.report == digits.workspace / "reports" / "1" / REPORT_HTML
    assert result.report.is_file()
    assert result.cached == ()
    finished = [event for event in events if isinstance(event, Finished)]
    assert sorted(event.component for event in finished) == sorted(COMPONENTS)
    assert all(event.outcome for event in finished)
    assert isinstance(events[0], Launched)
    assert isinstance(events[1], Planned)
    assert isinstance(events[-1], Concluded)


def test_what_the_network_takes_is_told_before_it_is_trained(first_run) -> None:
    _, events = first_run
    (told,) = [event.activity for event in events if isinstance(event, Progressed) and event.component == "Trainer"]
    assert "bytes of flash, arena" in told
    assert "2 CONV_2D, 1 FULLY_CONNECTED" in told


def test_the_libraries_talk_to_the_log(first_run) -> None:
    result, _ = first_run
    assert "INFO" in result.log.read_text()


@pytest.mark.usefixtures("first_run")
def test_the_digits_reach_what_they_must(digits) -> None:
    model = lineage(digits).latest("TFLiteConverter").folder("int8_model")
    conversion = ConversionReport.model_validate_json((model / CONVERSION_FILE).read_text())
    validator = lineage(digits).latest("TFLMValidator").folder("blessing")
    validation = ValidationReport.model_validate_json((validator / VALIDATION_FILE).read_text())
    assert conversion.int8_figure >= 0.975
    assert conversion.model_bytes <= 8_000
    assert validation.arena_bytes <= 4_000
    assert validation.quality == conversion.int8_figure


@pytest.mark.usefixtures("first_run")
def test_all_who_measure_the_model_agree_to_the_last_sample(digits) -> None:
    from components.tflm_evaluator.outcome import overall_metrics

    validator = lineage(digits).latest("TFLMValidator").folder("blessing")
    validation = ValidationReport.model_validate_json((validator / VALIDATION_FILE).read_text())
    metrics = overall_metrics(str(lineage(digits).latest("TFLMEvaluator").folder("evaluation")))
    assert metrics["example_count"] == validation.eval_samples
    assert round(metrics["accuracy"] * validation.eval_samples) == np.trace(validation.confusion)


@pytest.mark.usefixtures("first_run")
def test_the_training_curve_has_every_epoch(digits) -> None:
    curve = json.loads((lineage(digits).latest("Trainer").folder("model_run") / "training.json").read_text())
    assert {len(values) for split in curve.values() for values in split.values()} == {12}


@pytest.mark.usefixtures("first_run")
def test_again_with_nothing_changed_all_comes_out_of_the_cache(digits) -> None:
    result = digits.run()
    assert_outcome(result.deployment, "unchanged")
    assert {board.outcome for board in result.deployment.boards if board.pool == "production"} == {"unchanged"}
    assert sorted(result.cached) == sorted(set(COMPONENTS) - {"TFLMPusher"})


@pytest.mark.parametrize("last", [Failed("OSError: No space left on device", ""), Stopped(""), Concluded("missing")])
def test_an_outcome_that_was_told_stands_whatever_comes_after_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, last: Event
) -> None:
    at = datetime(2025, 1, 1, tzinfo=timezone.utc)
    promoted = Deployment(outcome="promoted", plan=AcceptancePlan(), started=at, finished=at)
    result = result_of([Launched(), Decided(promoted.model_dump_json()), last], tmp_path / "run.log", 1)
    assert (result.deployment.outcome, result.report) == ("promoted", None)
    assert "warning: the outcome stands" in caplog.text


@pytest.mark.usefixtures("first_run")
def test_a_signal_that_comes_after_the_outcome_does_not_take_it(digits) -> None:
    def follow(event: Event) -> None:
        if isinstance(event, Decided):
            raise Ended(signal.SIGTERM)

    assert_outcome(run_project(digits.config_file, digits.workspace, follow).deployment, "unchanged")


@pytest.mark.usefixtures("first_run")
def test_the_users_error_is_told_without_a_traceback_and_the_cache_survives(digits) -> None:
    module = digits.folder / "digits.py"
    source = module.read_text()
    module.write_text(source + "\n\ndef run_fn(fn_args):\n    raise ZeroDivisionError('no [such] luck')\n")
    try:
        with pytest.raises(RunFailed) as failed:
            digits.run()
    finally:
        module.write_text(source)
    assert failed.value.message == "ZeroDivisionError: no [such] luck"
    log = next(Path(word) for word in failed.value.remedy.split() if word.endswith(".log"))
    assert "Traceback" in log.read_text()
    assert isinstance(digits.events[-1], Failed)
    assert [event.component for event in digits.events if isinstance(event, Started)][-1] == "Trainer"


STOPPED = """
import os, signal, sys, time
from pathlib import Path
from edge_deployer.ending import Ended, listening
from pipeline.local.events import Started
from pipeline.local.run import run_project

def follow(event):
    if event == Started("StatisticsGen"):
        outputs = Path(sys.argv[2], "artifacts", "digits", "StatisticsGen", "statistics")
        deadline = time.monotonic() + 180
        while not (outputs.is_dir() and list(outputs.iterdir())):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

try:
    with listening():
        run_project(Path(sys.argv[1]), Path(sys.argv[2]), follow)
except Ended as ended:
    sys.exit(ended.status)
"""


@pytest.mark.usefixtures("first_run")
def test_an_interrupted_run_leaves_nothing_half_done(digits, tmp_path: Path) -> None:
    import ml_metadata as mlmd
    from ml_metadata.proto import metadata_store_pb2 as proto

    digits.configure(data={"splits": {"train": 5, "eval": 1}})
    try:
        stopped = subprocess.run([sys.executable, "-c", STOPPED, digits.config_file, tmp_path], check=False)
    finally:
        digits.configure()
    assert stopped.returncode == 130
    config = proto.ConnectionConfig()
    config.sqlite.filename_uri = str(tmp_path / "metadata.sqlite")
    store = mlmd.MetadataStore(config)
    states = {e.id: e.last_known_state for e in store.get_executions()}
    assert proto.Execution.RUNNING not in states.values()
    assert proto.Execution.COMPLETE in states.values()
    statistics = tmp_path / "artifacts" / "digits" / "StatisticsGen" / "statistics"
    assert not list(statistics.iterdir())


@pytest.mark.usefixtures("first_run")
def test_a_run_in_a_workspace_that_is_in_use(digits) -> None:
    from pipeline.project.workspace import Workspace

    with Workspace(digits.workspace).claim(), pytest.raises(TinyopsError, match="another run"):
        digits.run()


# What a user may have lying about, each of a name that our packages, Python or its libraries import.
BAIT = ("pipeline", "components", "random", "queue", "yaml")


def test_nothing_beside_the_users_module_takes_the_place_of_what_is_installed(
    project: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Followed until TFX is imported and the pipeline is built; the command stands in the same folder."""
    config = project()
    for name in BAIT:
        (tmp_path / f"{name}.py").write_text("raise ImportError('taken from the project')\n")
    monkeypatch.chdir(tmp_path)
    events: list[Event] = []

    def follow(event: Event) -> None:
        events.append(event)
        if isinstance(event, Planned):
            raise Ended(signal.SIGINT)

    with pytest.raises(Ended):
        run_project(config, tmp_path / "workspace", follow)
    kinds = [type(event) for event in events]
    assert kinds[:2] == [Launched, Planned]
    # The first component may have begun before the worker hears of it.
    assert kinds[2:] in ([Stopped], [Started, Stopped])
