from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from edge_deployer.report.words import in_words
from edge_deployer.tensors import quantize
from edge_deployer.tflm import TflmRunner


def evaluate(line, folder: Path, model, *, baseline=None, **thresholds: float | None):
    """Run the component's executor; returns the folder of the evaluation and the blessing."""
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.types import standard_artifacts
    from tfx.utils import proto_utils

    from components.tflm_evaluator.executor import Executor
    from components.tflm_evaluator.thresholds import Thresholds, eval_config
    from pipeline.project.beam_options import beam_args
    from pipeline.project.beam_section import BeamSection

    evaluation, blessing = standard_artifacts.ModelEvaluation(), standard_artifacts.ModelBlessing()
    for name, artifact in (("evaluation", evaluation), ("blessing", blessing)):
        (folder / name).mkdir(parents=True)
        artifact.uri = str(folder / name)
    wanted = Thresholds(**{"min_accuracy": 0.0, "max_drop": 1.0, "min_slice_accuracy": None, **thresholds})
    context = BaseBeamExecutor.Context(
        beam_pipeline_args=list(beam_args(BeamSection())), tmp_dir=str(folder), unique_id="1"
    )
    Executor(context).Do(
        {
            "examples": [line.artifact("SensorExampleGen", "examples")],
            "model": [model],
            **({} if baseline is None else {"baseline_model": [baseline]}),
        },
        {"evaluation": [evaluation], "blessing": [blessing]},
        {
            "eval_config": proto_utils.proto_to_json(eval_config("kind", ["kind"], wanted)),
            "module_path": "components.tflm_evaluator.extractor",
            "example_splits": "null",
        },
    )
    return evaluation.uri, blessing


def artifact_of(model: bytes, folder: Path):
    from tfx.types import standard_artifacts

    from components.tflite_model import tflite_path

    artifact = standard_artifacts.Model()
    artifact.uri = str(folder)
    tflite_path(artifact).parent.mkdir(parents=True)
    tflite_path(artifact).write_bytes(model)
    return artifact


@pytest.fixture(scope="module")
def right(line) -> tuple[np.ndarray, np.ndarray]:
    """For each eval sample its label, and whether TFLM names it right."""
    from components.examples import read_examples
    from components.tflite_model import read_tflite

    held_out = read_examples(
        line.artifact("SensorExampleGen", "examples"), "eval", feature="picture", label="kind", shape=(4, 4, 1)
    )
    with TflmRunner(read_tflite(line.artifact("TFLiteConverter", "int8_model")), arena_bytes=1 << 20) as runner:
        outputs = runner.run(quantize(held_out.inputs, runner.input))
    return held_out.labels, outputs.argmax(axis=1) == held_out.labels


def test_tfma_counts_what_tflm_answers_to_the_last_sample(line, right) -> None:
    from components.tflm_evaluator.outcome import overall_metrics

    labels, named_right = right
    metrics = overall_metrics(str(line.folder("TFLMEvaluator", "evaluation")))
    assert 0 < named_right.sum() < len(labels), "a model without errors would prove little"
    assert metrics["example_count"] == len(labels)
    assert metrics["accuracy"] * len(labels) == pytest.approx(named_right.sum(), abs=1e-9)


def test_slices(line, right) -> None:
    from components.tflm_evaluator.outcome import slice_metrics

    labels, named_right = right
    slices = slice_metrics(str(line.folder("TFLMEvaluator", "evaluation")))
    for label, count in Counter(labels.tolist()).items():
        assert slices[f"kind = {label}"]["example_count"] == count
        assert slices[f"kind = {label}"]["accuracy"] == pytest.approx(named_right[labels == label].mean())
    assert any(name.startswith("person = person-") for name in slices)


def test_a_good_model_is_blessed(line) -> None:
    from components.tflm_evaluator.outcome import refusal_reason

    assert refusal_reason(str(line.folder("TFLMEvaluator", "evaluation"))) is None
    assert line.lineage.latest("TFLMEvaluator").number("blessing", "blessed") == 1


def test_a_model_below_the_threshold_is_not_blessed_and_the_reason_is_in_words(line, tmp_path: Path, right) -> None:
    from components.blessed_models import latest_other
    from components.tflm_evaluator.outcome import refusal_reason

    model = line.artifact("TFLiteConverter", "int8_model")
    uri, blessing = evaluate(line, tmp_path, model, min_accuracy=0.9999)
    assert blessing.get_int_custom_property("blessed") == 0
    assert latest_other(str(tmp_path), b"another") is None, "no model is a baseline that was refused"
    assert in_words(refusal_reason(uri)) == f"accuracy {right[1].mean():.4f} is below 0.9999 on the whole eval split"


def test_a_slice_below_its_threshold(line, tmp_path: Path, right) -> None:
    from components.tflm_evaluator.outcome import refusal_reason

    uri, _ = evaluate(line, tmp_path, line.artifact("TFLiteConverter", "int8_model"), min_slice_accuracy=0.9999)
    labels, named_right = right
    below = {label for label in set(labels.tolist()) if not named_right[labels == label].all()}
    reason = in_words(refusal_reason(uri))
    assert {label for label in set(labels.tolist()) if f"is below 0.9999 on slice kind = {label}" in reason} == below
    assert "the whole eval split" not in reason


def test_a_model_that_falls_behind_the_baseline(line, tmp_path: Path, right, rotated: bytes) -> None:
    from components.tflm_evaluator.outcome import dropped_baseline, overall_metrics, refusal_reason

    worse = artifact_of(rotated, tmp_path / "worse")
    baseline = line.artifact("TFLiteConverter", "int8_model")
    uri, blessing = evaluate(line, tmp_path / "run", worse, baseline=baseline, max_drop=0.1, better_than_constant=False)
    assert blessing.get_int_custom_property("blessed") == 0
    assert dropped_baseline(uri) is None
    drop = right[1].mean() - overall_metrics(uri)["accuracy"]
    assert in_words(refusal_reason(uri)) == (
        f"accuracy is {drop:.4f} below the latest blessed model's on the whole eval split; 0.1000 is allowed"
    )


def test_a_model_that_is_no_better_than_a_constant_answer_is_not_blessed(line, tmp_path: Path, right, rotated) -> None:
    from components.tflm_evaluator.outcome import overall_metrics, refusal_reason

    uri, blessing = evaluate(line, tmp_path / "run", artifact_of(rotated, tmp_path / "worse"))
    assert blessing.get_int_custom_property("blessed") == 0
    labels, _ = right
    majority = np.bincount(labels).max() / len(labels)
    assert in_words(refusal_reason(uri)) == (
        f"accuracy {overall_metrics(uri)['accuracy']:.4f} is not better than {majority:.4f}, what always answering the "
        "commonest class would reach"
    )


@pytest.mark.parametrize(
    ("outputs", "activation", "task"), [(1, "sigmoid", "binary"), (1, None, "anomaly"), (16, None, "anomaly")]
)
def test_the_figures_are_those_of_the_task(line, tmp_path: Path, outputs: int, activation, task: str) -> None:
    from components.examples import read_examples
    from components.tflm_evaluator.outcome import evaluated_task, overall_metrics, refusal_reason
    from edge_deployer.quality import figures
    from edge_deployer.release.samples import LabelledSamples, fit_samples
    from edge_deployer.task import Answers, Task
    from edge_deployer.tflm import TflmRunner

    model = untrained(tmp_path, outputs, activation)
    uri, blessing = evaluate(line, tmp_path / "run", artifact_of(model, tmp_path / "model"), min_auc=1.0)
    examples = read_examples(
        line.artifact("SensorExampleGen", "examples"), "eval", feature="picture", label="kind", shape=(4, 4, 1)
    )
    with TflmRunner(model, arena_bytes=1 << 20) as runner:
        data = LabelledSamples(examples.inputs, np.minimum(examples.labels, 1))
        held = fit_samples(data, Answers(runner.input, runner.output), Task(name=task))
        answers = runner.run(held.inputs)
    expected = figures(Task(name=task), answers, runner.output, labels=examples.labels, targets=held.targets)
    found, judged = overall_metrics(uri), evaluated_task(uri)
    assert judged is not None
    assert judged.name == task
    assert {name: found[name] for name in judged.metrics if name in expected} == pytest.approx(expected)
    assert ("over_majority" in found) == (task == "binary")
    assert blessing.get_int_custom_property("blessed") == 0
    assert f"auc {found['auc']:.4f} is below 1.0000 on the whole eval split" in (in_words(refusal_reason(uri)))


def untrained(folder: Path, outputs: int, activation: str | None = None) -> bytes:
    """A converted model that never learnt."""
    import tensorflow as tf

    from components.tflite_converter.conversion import convert
    from components.tflite_converter.float_model import FloatModel

    tf.keras.utils.set_random_seed(3)
    last = tf.keras.layers.Dense(outputs, activation=activation)
    model = tf.keras.Sequential([tf.keras.Input((4, 4, 1), name="picture"), tf.keras.layers.Flatten(), last])
    model.export(str(folder / "untrained"), verbose=False)
    samples = np.random.default_rng(0).normal(0, 1, (20, 4, 4, 1)).astype(np.float32)
    return convert(FloatModel.load(str(folder / "untrained")), samples)


@pytest.fixture(scope="module")
def rotated(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return untrained(tmp_path_factory.mktemp("rotated"), 3)


def test_a_model_that_tflm_does_not_run_is_refused_and_the_pipeline_goes_on(line, tmp_path: Path) -> None:
    import tensorflow as tf

    from components.tflm_evaluator.outcome import overall_metrics, refusal_reason

    spec = tf.TensorSpec((1, 4, 4, 1), tf.float32, name="picture")
    lacking = tf.function(lambda picture: tf.math.atan2(picture, picture + 1)).get_concrete_function(spec)
    model = tf.lite.TFLiteConverter.from_concrete_functions([lacking]).convert()
    uri, blessing = evaluate(line, tmp_path / "run", artifact_of(model, tmp_path / "model"))
    assert blessing.get_int_custom_property("blessed") == 0
    assert "ATAN2" in (in_words(refusal_reason(uri)))
    assert overall_metrics(uri) == {}


def unfit(kind: str) -> bytes:
    """A model that was blessed in another life of the project."""
    import tensorflow as tf

    shapes = {"input size": (1, 5, 5, 1)}
    names = {"input feature": "image"}
    functions = {
        "output size": lambda picture: tf.reshape(picture, (1, 16)) * 2.0,
        "TFLM": lambda picture: tf.math.atan2(picture, picture + 1),
    }
    name = names.get(kind, "picture")
    spec = tf.TensorSpec(shapes.get(kind, (1, 4, 4, 1)), tf.float32, name=name)
    answer = functions.get(kind, lambda picture: tf.reshape(picture, (1, -1))[:, :3] * 2.0)
    concrete = tf.function(answer).get_concrete_function(spec)
    return tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert()


def test_a_baseline_that_is_no_match_is_left_out(line, tmp_path: Path, right) -> None:
    from components.tflm_evaluator.outcome import baseline_metrics, dropped_baseline, overall_metrics, refusal_reason

    model = line.artifact("TFLiteConverter", "int8_model")
    baseline = artifact_of(unfit("input feature"), tmp_path / "baseline")
    uri, blessing = evaluate(line, tmp_path / "run", model, baseline=baseline, max_drop=0.0)
    assert "its input feature is image, the candidate's picture" in (dropped_baseline(uri) or "")
    assert refusal_reason(uri) is None
    assert blessing.get_int_custom_property("blessed") == 1
    assert baseline_metrics(uri) == {}
    assert overall_metrics(uri)["accuracy"] == pytest.approx(right[1].mean())


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("input size", "its input size is 25, the candidate's 16"),
        ("output size", "its output size is 16, the candidate's 3"),
        ("TFLM", "ATAN2"),
    ],
)
def test_the_stock_evaluator_is_not_given_a_baseline_that_is_no_match(
    line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, said: str
) -> None:
    """That it runs without one is shown above."""
    from components.tflm_evaluator.executor import stock
    from components.tflm_evaluator.outcome import dropped_baseline

    given = []
    monkeypatch.setattr(stock.Executor, "Do", lambda _, inputs, *__: given.append(inputs["baseline_model"]))
    baseline = artifact_of(unfit(kind), tmp_path / "baseline")
    uri, _ = evaluate(line, tmp_path / "run", line.artifact("TFLiteConverter", "int8_model"), baseline=baseline)
    assert said in (dropped_baseline(uri) or "")
    assert given == [[]]


def test_a_blessed_model_is_on_record_for_those_that_follow(line) -> None:
    from components.blessed_models import latest_other
    from components.tflite_model import read_tflite

    model = read_tflite(line.artifact("TFLiteConverter", "int8_model"))
    blessing = str(line.folder("TFLMEvaluator", "blessing"))
    found = latest_other(blessing, b"another")
    assert found is not None
    assert found.read() == model
    assert latest_other(blessing, model) is None, "no model is its own baseline"
