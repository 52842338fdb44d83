"""A regression from its examples to the boards: the components' executors, one after the other."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.conversion_report import ConversionReport
from edge_deployer.acceptance.checks.labels import Labels
from edge_deployer.acceptance.checks.mae import Mae
from edge_deployer.acceptance.checks.outputs import Outputs
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.errors import TinyopsError
from edge_deployer.profile import load_profile
from edge_deployer.quality import constant_error, figures
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.release.validation_report import ValidationReport
from edge_deployer.report.facts import Report
from edge_deployer.report.words import headline, in_words
from edge_deployer.task import Task
from edge_deployer.tensors import Array, quantize
from edge_deployer.tflm import TflmRunner
from tests.components.conftest import PROJECT
from tests.edge_deployer.inventories import virtual, write_inventory
from tests.edge_deployer.outcomes import assert_outcome

LENGTH = 32
ROOMS = ("hall", "lab")
REGRESSION = Task(name="regression")


@dataclass(frozen=True)
class Waves:
    """One split."""

    waves: Array
    amplitudes: Array
    both: Array
    rooms: list[str]


def made_up(samples: int, seed: int) -> Waves:
    """Sines of an amplitude from 1 to 5, with noise; in the lab there is more of it."""
    random = np.random.default_rng(seed)
    amplitudes = random.uniform(1, 5, samples).astype(np.float32)
    rooms = [ROOMS[index % 2] for index in range(samples)]
    noise = np.array([0.1 if room == "hall" else 0.4 for room in rooms])[:, np.newaxis]
    sines = amplitudes[:, np.newaxis] * np.sin(np.linspace(0, 4 * np.pi, LENGTH))
    waves = (sines + noise * random.normal(size=sines.shape)).astype(np.float32)
    both = np.stack([amplitudes, random.normal(size=samples).astype(np.float32)], axis=1)
    return Waves(waves, amplitudes, both, rooms)


def write_split(folder: Path, split: Waves) -> None:
    import tensorflow as tf

    folder.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(folder / "data.gz"), tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        for index, (wave, amplitude, both, room) in enumerate(
            zip(split.waves, split.amplitudes, split.both, split.rooms, strict=True)
        ):
            floats = {"wave": wave, "amplitude": [amplitude], "both": both, "uneven": both[: 1 + index % 2]}
            features = {name: tf.train.Feature(float_list={"value": values}) for name, values in floats.items()}
            features["room"] = tf.train.Feature(bytes_list={"value": [room.encode()]})
            features["number"] = tf.train.Feature(int64_list={"value": [index]})
            writer.write(tf.train.Example(features={"feature": features}).SerializeToString())


@dataclass(frozen=True)
class Regression:
    """What the components left, and how to run each of them."""

    folder: Path
    held_out: Waves
    examples: Any
    training: Any
    trained: Any
    model: Any

    @property
    def flatbuffer(self) -> bytes:
        from components.tflite_model import read_tflite

        return read_tflite(self.model)

    @property
    def conversion(self) -> ConversionReport:
        return ConversionReport.model_validate_json(Path(self.model.uri, "conversion.json").read_text())

    @property
    def expected(self) -> dict[str, float]:
        """The figures of TFLM's answers."""
        return figures_of(self.flatbuffer, self.held_out.waves, self.held_out.amplitudes)


def figures_of(model: bytes, waves: Array, targets: Array) -> dict[str, float]:
    with TflmRunner(model, arena_bytes=1 << 20) as runner:
        outputs = runner.run(quantize(waves, runner.input))
        return figures(REGRESSION, outputs, runner.output, labels=None, targets=targets)


def artifact(kind: Any, folder: Path) -> Any:
    made = kind()
    folder.mkdir(parents=True)
    made.uri = str(folder)
    return made


def train(examples: Any, folder: Path, *, outputs: int = 1, target: str = "amplitude") -> dict[str, Any]:
    from tfx.types import standard_artifacts

    from components.trainer.executor import Executor

    made = {
        "model": artifact(standard_artifacts.Model, folder / "trained"),
        "model_run": artifact(standard_artifacts.ModelRun, folder / "training"),
    }
    known = {"input": "wave", "target": target, "outputs": outputs, "epochs": 30}
    parameters = {
        "run_fn": "waves.run_fn",
        "custom_config": json.dumps(known),
        "train_args": "{}",
        "eval_args": "{}",
    }
    Executor().Do({"examples": [examples]}, {name: [each] for name, each in made.items()}, parameters)
    return made


def convert(trained: Any, examples: Any, folder: Path, **parameters: Any) -> Any:
    from tfx.types import standard_artifacts

    from components.tflite_converter.executor import Executor

    made = artifact(standard_artifacts.Model, folder / "int8")
    known = {"target_feature": "amplitude", "representative_examples": 50, "seed": 0}
    Executor().Do({"model": [trained], "examples": [examples]}, {"int8_model": [made]}, {**known, **parameters})
    return made


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Training and conversion."""
    from tfx.types import standard_artifacts
    from tfx.types.artifact_utils import encode_split_names

    from components.trainer.environment import BOARD_PROFILE

    folder, held_out = tmp_path_factory.mktemp("regression"), made_up(160, 1)
    examples = artifact(standard_artifacts.Examples, folder / "examples")
    examples.split_names = encode_split_names(["train", "eval"])
    write_split(Path(examples.uri, "Split-train"), made_up(480, 0))
    write_split(Path(examples.uri, "Split-eval"), held_out)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PROJECT))
        patch.setenv(BOARD_PROFILE, load_profile("cortex-m4").model_dump_json())
        trained = train(examples, folder)
        model = convert(trained["model"], examples, folder)
        yield Regression(folder, held_out, examples, trained["model_run"], trained["model"], model)


def test_float_and_int8_are_held_against_the_targets(regression: Regression) -> None:
    from components.tflite_converter.float_model import FloatModel

    report = regression.conversion
    floats = FloatModel.load(str(Path(regression.trained.uri, "Format-Serving"))).predict(regression.held_out.waves)
    assert (report.task.name, report.metric, report.agreement) == ("regression", "mae", None)
    assert report.float_figure == pytest.approx(np.mean(np.abs(floats[:, 0] - regression.held_out.amplitudes)))
    assert report.int8_figure == pytest.approx(regression.expected["mae"])
    assert report.int8_figure < constant_error(regression.held_out.amplitudes) / 2, (
        "a model without skill proves little"
    )


def test_the_networks_outputs_are_told_before_it_is_trained(
    regression: Regression, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "tinyops.training"):
        train(regression.examples, tmp_path / "right")
    (told,) = [record.getMessage() for record in caplog.records if record.name == "tinyops.training"]
    assert told.endswith("task regression")
    with pytest.raises(TinyopsError, match="1 target values a sample; the model has 2 outputs"):
        train(regression.examples, tmp_path / "two", outputs=2)
    with pytest.raises(TinyopsError, match="2 target values a sample; the model has 1 outputs"):
        train(regression.examples, tmp_path / "one", target="both")


@pytest.mark.parametrize(
    ("features", "said"),
    [
        ({"label": "number", "target": "amplitude"}, "and both are given"),
        ({}, "and neither is given"),
        ({"target": "number"}, "feature 'number' of the transformed examples is int64, not float32"),
        ({"target": "height"}, "have no feature 'height'"),
        ({"target": "uneven"}, "feature 'uneven' of the transformed examples has 1 to 2 values a sample"),
    ],
)
def test_examples_without_one_truth(regression: Regression, features: dict[str, str], said: str) -> None:
    from components.examples import read_examples

    with pytest.raises(TinyopsError, match=said) as refused:
        read_examples(regression.examples, "eval", feature="wave", shape=(LENGTH,), **features)
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"task": "classification"}, "the task is classification, and the examples have a target, no label"),
        (
            {"task": "regression", "target_feature": None, "label_feature": "number"},
            "the task is regression, and the examples have a label, no target",
        ),
    ],
)
def test_a_task_that_is_not_the_examples(
    regression: Regression, tmp_path: Path, parameters: dict[str, Any], said: str
) -> None:
    with pytest.raises(TinyopsError, match=said):
        convert(regression.trained, regression.examples, tmp_path, **parameters)


def evaluate(
    regression: Regression, folder: Path, model: Any, *, baseline: Any = None, target: str = "amplitude", **asked: Any
) -> tuple[str, Any]:
    """Run the component's executor; returns the folder of the evaluation and the blessing."""
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.types import standard_artifacts
    from tfx.utils import proto_utils

    from components.tflm_evaluator.executor import Executor
    from components.tflm_evaluator.thresholds import Thresholds, eval_config
    from pipeline.project.beam_options import beam_args
    from pipeline.project.beam_section import BeamSection

    evaluation = artifact(standard_artifacts.ModelEvaluation, folder / "evaluation")
    blessing = artifact(standard_artifacts.ModelBlessing, folder / "blessing")
    wanted = Thresholds(min_accuracy=0.9, max_drop=0.02, **asked)
    context = BaseBeamExecutor.Context(
        beam_pipeline_args=list(beam_args(BeamSection())), tmp_dir=str(folder), unique_id="1"
    )
    Executor(context).Do(
        {
            "examples": [regression.examples],
            "model": [model],
            **({} if baseline is None else {"baseline_model": [baseline]}),
        },
        {"evaluation": [evaluation], "blessing": [blessing]},
        {
            "eval_config": proto_utils.proto_to_json(eval_config(None, ["room"], wanted, target_feature=target)),
            "module_path": "components.tflm_evaluator.extractor",
            "example_splits": "null",
        },
    )
    return evaluation.uri, blessing


@pytest.fixture(scope="module")
def evaluated(regression: Regression) -> tuple[str, Any]:
    return evaluate(
        regression, regression.folder / "evaluated", regression.model, max_mae=1.0, max_rmse=2.0, max_rise=0.1
    )


def test_tfma_counts_the_errors_of_tflms_answers(regression: Regression, evaluated: tuple[str, Any]) -> None:
    from components.tflm_evaluator.outcome import evaluated_task, overall_metrics, refusal_reason, slice_metrics

    uri, blessing = evaluated
    found, expected = overall_metrics(uri), regression.expected
    assert {name: found[name] for name in ("mae", "rmse")} == pytest.approx(expected)
    assert found["constant_mae"] == pytest.approx(constant_error(regression.held_out.amplitudes))
    assert found["under_constant"] == pytest.approx(1 - expected["mae"] / found["constant_mae"])
    assert evaluated_task(uri).name == "regression"
    assert refusal_reason(uri) is None
    assert blessing.get_int_custom_property("blessed") == 1
    slices = slice_metrics(uri)
    for room in ROOMS:
        rows = np.array(regression.held_out.rooms) == room
        mae = figures_of(regression.flatbuffer, regression.held_out.waves[rows], regression.held_out.amplitudes[rows])
        assert slices[f"room = {room}"]["mae"] == pytest.approx(mae["mae"])
    assert slices["room = hall"]["mae"] < slices["room = lab"]["mae"]


@pytest.mark.parametrize(("threshold", "metric"), [("max_mae", "mae"), ("max_rmse", "rmse")])
def test_an_error_above_its_threshold(regression: Regression, tmp_path: Path, threshold: str, metric: str) -> None:
    from components.tflm_evaluator.outcome import refusal_reason

    uri, blessing = evaluate(regression, tmp_path, regression.model, **{threshold: 0.001})
    assert blessing.get_int_custom_property("blessed") == 0
    reason = in_words(refusal_reason(uri))
    assert reason == f"{metric} {regression.expected[metric]:.6g} is above 0.001 on the whole eval split"


@pytest.fixture(scope="module")
def untrained(regression: Regression) -> Callable[[int], Any]:
    """A converted model with so many outputs that never learnt."""
    from tfx.types import standard_artifacts

    from components.tflite_converter.conversion import convert as to_int8
    from components.tflite_converter.float_model import FloatModel
    from components.tflite_model import tflite_path

    def make(outputs: int) -> Any:
        import waves

        folder = regression.folder / f"untrained-{outputs}"
        waves.build_model({"input": "wave", "outputs": outputs}).export(str(folder / "float"), verbose=False)
        model = artifact(standard_artifacts.Model, folder / "model")
        tflite_path(model).parent.mkdir()
        tflite_path(model).write_bytes(to_int8(FloatModel.load(str(folder / "float")), regression.held_out.waves[:50]))
        record = regression.conversion.model_dump_json()
        Path(model.uri, "conversion.json").write_text(record)
        return model

    return make


def test_a_model_that_is_no_better_than_the_median(
    regression: Regression, untrained: Callable[..., Any], tmp_path: Path
) -> None:
    from components.tflite_model import read_tflite
    from components.tflm_evaluator.outcome import refusal_reason

    model = untrained(1)
    uri, blessing = evaluate(regression, tmp_path, model, max_rise=0.05, baseline=regression.model)
    assert blessing.get_int_custom_property("blessed") == 0
    mae = figures_of(read_tflite(model), regression.held_out.waves, regression.held_out.amplitudes)["mae"]
    constant, before = constant_error(regression.held_out.amplitudes), regression.expected["mae"]
    reason = in_words(refusal_reason(uri))
    assert f"mean absolute error {mae:.6g} is not less than {constant:.6g}, what always answering the median" in reason
    assert f"mae is {mae - before:.6g} above the latest blessed model's {before:.6g} on the whole eval split" in reason


def test_several_values_a_sample(regression: Regression, untrained: Callable[..., Any], tmp_path: Path) -> None:
    from components.tflite_model import read_tflite
    from components.tflm_evaluator.outcome import overall_metrics

    model = untrained(2)
    uri, blessing = evaluate(regression, tmp_path, model, target="both", better_than_constant=False)
    expected = figures_of(read_tflite(model), regression.held_out.waves, regression.held_out.both)
    found = overall_metrics(uri)
    assert {name: found[name] for name in ("mae", "rmse")} == pytest.approx(expected)
    assert "constant_mae" not in found
    assert blessing.get_int_custom_property("blessed") == 1, "nothing was asked of it"


def test_an_evaluation_of_another_task_than_the_model() -> None:
    from components.tflm_evaluator.thresholds import Thresholds, eval_config, for_task

    thresholds = Thresholds(min_accuracy=0.9, max_drop=0.02)
    for config, task in (
        (eval_config("kind", [], thresholds), "regression"),
        (eval_config(None, [], thresholds, target_feature="amplitude"), "binary"),
    ):
        with pytest.raises(TinyopsError, match=f"the task is {task}, and the evaluation has no figure of it"):
            for_task(config, Task(name=task))


@pytest.fixture(scope="module")
def validated(regression: Regression) -> tuple[Any, Any]:
    """The blessing and the acceptance set."""
    from tfx.types import standard_artifacts

    from components.artifact_types import AcceptanceSet as AcceptanceArtifact
    from components.tflm_validator.executor import Executor

    blessing = artifact(standard_artifacts.InfraBlessing, regression.folder / "infra_blessing")
    acceptance = artifact(AcceptanceArtifact, regression.folder / "acceptance")
    Executor().Do(
        {"model": [regression.model], "examples": [regression.examples]},
        {"blessing": [blessing], "acceptance_set": [acceptance]},
        {
            "profile": load_profile("cortex-m4").model_dump_json(),
            "target_feature": "amplitude",
            "slices": json.dumps(["room"]),
            "samples": 120,
            "seed": 1,
        },
    )
    return blessing, acceptance


def test_the_acceptance_set_has_the_targets(regression: Regression, validated: tuple[Any, Any]) -> None:
    blessing, artifact_ = validated
    report = ValidationReport.model_validate_json(Path(blessing.uri, "validation.json").read_text())
    assert report.blessed
    assert report.figures == pytest.approx(regression.expected)
    assert report.constant_error == pytest.approx(constant_error(regression.held_out.amplitudes))
    assert (report.majority, report.confusion, report.class_names) == (None, None, [])
    acceptance = AcceptanceSet.from_bytes(Path(artifact_.uri, "acceptance.npz").read_bytes())
    assert (acceptance.metric, acceptance.labels, len(acceptance)) == ("mae", None, 120)
    with TflmRunner(regression.flatbuffer, arena_bytes=1 << 20) as runner:
        stored = quantize(regression.held_out.waves, runner.input)
    truth = dict(zip([row.tobytes() for row in stored], regression.held_out.amplitudes, strict=True))
    assert [truth[row.tobytes()] for row in acceptance.inputs] == acceptance.targets.ravel().tolist()


@pytest.fixture
def deliver(
    regression: Regression, evaluated: tuple[str, Any], validated: tuple[Any, Any], tmp_path: Path
) -> Callable[..., tuple[Report, str]]:
    """Runs the pusher on virtual boards, with this plan; returns the report and its page."""
    from tfx.types import standard_artifacts

    from components.artifact_types import DeploymentReport, HtmlReport, MarkdownReport
    from components.sensor_example_gen.dataset import SUMMARY_FILE, DatasetSummary
    from components.tflm_pusher.executor import Executor

    evaluation = standard_artifacts.ModelEvaluation()
    evaluation.uri = evaluated[0]
    summary = DatasetSummary(sha256="ab", shape=(LENGTH,), class_counts={}, group_counts={})
    Path(regression.examples.uri, SUMMARY_FILE).write_text(summary.to_json())

    def run(plan: AcceptancePlan) -> tuple[Report, str]:
        boards = [virtual(f"{pool}-1", pool, "cortex-m4") for pool in ("staging", "production")]
        outputs = {
            "pushed_model": artifact(standard_artifacts.PushedModel, tmp_path / "pushed"),
            "deployment_report": artifact(DeploymentReport, tmp_path / "report"),
            "html_report": artifact(HtmlReport, tmp_path / "html"),
            "markdown_report": artifact(MarkdownReport, tmp_path / "markdown"),
        }
        inputs = {
            "model": regression.model,
            "model_blessing": evaluated[1],
            "infra_blessing": validated[0],
            "acceptance_set": validated[1],
            "examples": regression.examples,
            "training": regression.training,
            "evaluation": evaluation,
        }
        Executor().Do(
            {name: [each] for name, each in inputs.items()},
            {name: [each] for name, each in outputs.items()},
            {
                "project": "waves",
                "workspace": str(tmp_path / "workspace"),
                "inventory": str(write_inventory(tmp_path, boards)),
                "signing_key": "",
                "release_version": "1.2.3",
                "plan": plan.model_dump_json(),
                "module": "waves",
                "sources": json.dumps({"model_source.tar.gz": ["waves.py"]}),
                "data_source": "waves.npz",
                "class_names": "[]",
                "thresholds": json.dumps({"max_mae": 1.0, "max_rmse": None, "max_rise": 0.1}),
            },
        )
        folder = Path(outputs["deployment_report"].uri)
        report = Report.model_validate_json((folder / "report.json").read_text())
        return report, (folder / "report.html").read_text()

    return run


def plan_within(ceiling: float, largest: float) -> AcceptancePlan:
    mae = Mae(ceiling=ceiling, margin=ceiling, largest_error=largest)
    return AcceptancePlan(labels=Labels(bad=0.5), outputs=Outputs(bad=0.5), mae=mae)


def test_boards_answer_within_the_ceiling(regression: Regression, deliver: Callable[..., tuple[Report, str]]) -> None:
    report, page = deliver(plan_within(0.5, 4.0))
    assert_outcome(report.deployment, "promoted")
    (staging,) = [board for board in report.deployment.boards if board.pool == "staging"]
    assert {check.name: check.status for check in staging.verdict.checks}["mae"] == "passed"
    judged = report.evaluation
    assert judged.figures == pytest.approx(regression.expected)
    assert (judged.most, judged.least, judged.max_rise, judged.majority) == ({"mae": 1.0}, {}, 0.1, None)
    assert judged.constant_error == pytest.approx(constant_error(regression.held_out.amplitudes))
    assert report.conversion.label_agreement is None
    assert report.deployment.release.manifest.metrics == pytest.approx({**regression.expected, "eval_examples": 160})
    for part in ("Answer over true value", "at most mean absolute error 1 is asked for", "room = lab", "the median"):
        assert part in page
    assert "Classes (0)" not in page


def test_a_board_whose_answers_are_too_far_off_refuses_the_release(deliver: Callable[..., tuple[Report, str]]) -> None:
    report, _ = deliver(plan_within(0.01, 0.03))
    assert_outcome(report.deployment, "refused", at="staging")
    assert "mae: sample " in headline(report.deployment)
