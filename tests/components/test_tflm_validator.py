from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from edge_deployer.profile import load_profile
from edge_deployer.release.acceptance_set import FILE_NAME as ACCEPTANCE_FILE
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.release.validation_report import FILE_NAME, ValidationReport
from edge_deployer.report.words import in_words
from edge_deployer.tensors import quantize
from edge_deployer.tflm import TflmRunner, count_bytes, count_macs, tensor_specs

CLASSES = ["top", "middle", "bottom"]


@pytest.fixture(scope="module")
def model(line) -> bytes:
    from components.tflite_model import read_tflite

    return read_tflite(line.artifact("TFLiteConverter", "int8_model"))


def report_of(folder: Path) -> ValidationReport:
    return ValidationReport.model_validate_json((folder / FILE_NAME).read_text())


def acceptance_of(folder: Path) -> AcceptanceSet:
    return AcceptanceSet.from_bytes((folder / ACCEPTANCE_FILE).read_bytes())


@pytest.fixture
def validate(line, tmp_path: Path) -> Callable:
    """Runs the component's executor with a profile changed as asked; returns its two outputs."""

    def run(**changes: int):
        from tfx.types import standard_artifacts

        from components.artifact_types import AcceptanceSet as AcceptanceArtifact
        from components.tflm_validator.executor import Executor

        profile = load_profile("cortex-m4").model_copy(update=changes).model_dump_json()
        blessing, acceptance = standard_artifacts.InfraBlessing(), AcceptanceArtifact()
        for name, artifact in (("blessing", blessing), ("acceptance", acceptance)):
            (tmp_path / name).mkdir()
            artifact.uri = str(tmp_path / name)
        Executor().Do(
            {
                "model": [line.artifact("TFLiteConverter", "int8_model")],
                "examples": [line.artifact("SensorExampleGen", "examples")],
            },
            {"blessing": [blessing], "acceptance_set": [acceptance]},
            {
                "profile": profile,
                "label_feature": "kind",
                "class_names": json.dumps(CLASSES),
                "slices": json.dumps(["kind", "person"]),
                "samples": 30,
                "seed": 1,
            },
        )
        return blessing, acceptance

    return run


def test_a_model_that_fits_is_blessed_with_its_figures(line, model: bytes) -> None:
    outputs = line.lineage.latest("TFLMValidator")
    report = report_of(outputs.folder("blessing"))
    profile = load_profile("cortex-m4")
    assert report.blessed
    assert report.reason is None
    assert outputs.number("blessing", "blessed") == 1
    assert (outputs.folder("blessing") / "INFRA_BLESSED").is_file()
    with TflmRunner(model, arena_bytes=profile.arena_bytes) as runner:
        assert report.arena_bytes == runner.shrink()
    assert report.macs == count_macs(model)
    seconds = count_macs(model) / profile.macs_per_second + count_bytes(model) / profile.bytes_per_second
    assert report.latency_us == pytest.approx(1e6 * seconds)
    assert report.operators["CONV_2D"] == 1
    assert np.sum(report.confusion) == report.eval_samples
    assert np.trace(report.confusion) / report.eval_samples == pytest.approx(report.quality)
    assert (report.metric, report.reference) == ("accuracy", True)


def test_the_acceptance_set_holds_what_tflm_answers(line, model: bytes) -> None:
    outputs = line.lineage.latest("TFLMValidator")
    acceptance = acceptance_of(outputs.folder("acceptance_set"))
    with TflmRunner(model, arena_bytes=1 << 20) as runner:
        np.testing.assert_array_equal(runner.run(acceptance.inputs), acceptance.outputs)
    assert acceptance.class_names == tuple(CLASSES)
    assert outputs.number("acceptance_set", "samples") == len(acceptance) == 30


def test_every_class_has_its_share_of_the_acceptance_set(line) -> None:
    outputs = line.lineage.latest("TFLMValidator")
    report = report_of(outputs.folder("blessing"))
    drawn = Counter(acceptance_of(outputs.folder("acceptance_set")).labels.tolist())
    for label, row in enumerate(report.confusion):
        assert drawn[label] == pytest.approx(30 * sum(row) / report.eval_samples, abs=1.01)


def test_every_class_of_every_slice_has_its_share_of_the_acceptance_set(line, model: bytes) -> None:
    from components.examples import read_examples

    held_out = read_examples(
        line.artifact("SensorExampleGen", "examples"),
        "eval",
        feature="picture",
        label="kind",
        shape=(4, 4, 1),
        slices=["kind", "person"],
    )
    given = tensor_specs(model)[0]
    cells = [tuple(cell) for cell in held_out.slices]
    of_input = dict(zip([row.tobytes() for row in quantize(held_out.inputs, given)], cells, strict=True))
    acceptance = acceptance_of(line.folder("TFLMValidator", "acceptance_set"))
    drawn = Counter(of_input[row.tobytes()] for row in acceptance.inputs)
    for cell, count in Counter(cells).items():
        assert abs(drawn[cell] - 30 * count / len(cells)) <= 1


def test_a_slice_has_the_values_of_its_features(line) -> None:
    from components.examples import read_examples

    examples = line.artifact("SensorExampleGen", "examples")
    slices = ["person", "kind", "room"]
    read = read_examples(examples, "eval", feature="picture", label="kind", shape=(4, 4, 1), slices=slices)
    for label, (person, kind, room) in zip(read.labels, read.slices, strict=True):
        assert person[0].startswith(b"person-")
        assert kind == (label,)
        assert room == ()


def test_the_same_seed_draws_the_same_set(line, validate: Callable) -> None:
    _, acceptance = validate()
    before = acceptance_of(line.folder("TFLMValidator", "acceptance_set"))
    assert acceptance_of(Path(acceptance.uri)).sha256 == before.sha256


@pytest.mark.parametrize(
    ("limit", "size", "said"), [("arena_bytes", 600, "600"), ("slot_bytes", 2 * 4096, "a slot of cortex-m4")]
)
def test_a_model_over_budget_is_not_blessed_and_the_component_succeeds(
    validate: Callable, limit: str, size: int, said: str
) -> None:
    blessing, acceptance = validate(**{limit: size})
    report = report_of(Path(blessing.uri))
    assert not report.blessed
    assert said in in_words(report.reason)
    assert blessing.get_int_custom_property("blessed") == 0
    assert (Path(blessing.uri) / "INFRA_NOT_BLESSED").is_file()
    assert acceptance.get_int_custom_property("samples") == 0
    assert not list(Path(acceptance.uri).iterdir())


def test_the_cache_sees_an_edited_profile_file(tmp_path: Path) -> None:
    from tfx.types import standard_artifacts
    from tfx.types.channel import Channel

    from components.tflm_validator.component import TFLMValidator

    file = tmp_path / "board.yaml"

    def properties_with(arena_bytes: int) -> dict[str, object]:
        profile = load_profile("cortex-m4").model_copy(update={"arena_bytes": arena_bytes})
        file.write_text(yaml.safe_dump(profile.model_dump()))
        model, examples = (Channel(type=kind) for kind in (standard_artifacts.Model, standard_artifacts.Examples))
        validator = TFLMValidator(
            model,
            examples,
            profile=load_profile(str(file)),
            label_feature="kind",
            class_names=CLASSES,
            slices=["kind"],
            samples=30,
            seed=1,
        )
        return dict(validator.exec_properties)

    assert properties_with(4000) == properties_with(4000)
    assert properties_with(4000) != properties_with(600)
