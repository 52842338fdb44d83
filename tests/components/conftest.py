"""A small line of the project's components, run once by TFX in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

PROJECT = Path(__file__).parent / "project"
CLASSES = ("top", "middle", "bottom")


def write_blobs(path: Path) -> Path:
    """Pictures of three classes by twelve people, one class after the other, as recordings often are."""
    samples, noise = 240, 0.8  # noisy enough for a model to err
    random = np.random.default_rng(7)
    labels = np.sort(random.integers(0, len(CLASSES), samples))
    pictures = random.normal(0, noise, (samples, 4, 4)).astype(np.float32)
    pictures[np.arange(samples), labels] += 1
    people = np.array([f"person-{i}" for i in random.integers(0, 12, samples)])
    np.savez(path, picture=pictures, kind=labels, person=people)
    return path


@dataclass(frozen=True)
class Line:
    """What the components left behind: the folder of each output, by component and name."""

    data_file: Path
    run: Callable[..., object]
    lineage: object

    def folder(self, component: str, output: str) -> Path:
        return self.lineage.latest(component).folder(output)

    def artifact(self, component: str, output: str):
        """The output as an artifact that an executor takes."""
        from tfx.types import standard_artifacts

        from components.artifact_types import AcceptanceSet

        kinds = {
            ("SensorExampleGen", "examples"): standard_artifacts.Examples,
            ("Trainer", "model_run"): standard_artifacts.ModelRun,
            ("TFLiteConverter", "int8_model"): standard_artifacts.Model,
            ("TFLMEvaluator", "evaluation"): standard_artifacts.ModelEvaluation,
            ("TFLMEvaluator", "blessing"): standard_artifacts.ModelBlessing,
            ("TFLMValidator", "blessing"): standard_artifacts.InfraBlessing,
            ("TFLMValidator", "acceptance_set"): AcceptanceSet,
        }
        found = self.lineage.latest(component).artifacts[output]
        artifact = kinds[component, output]()
        artifact.set_mlmd_artifact(found)
        return artifact


@pytest.fixture(scope="session")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_blobs(tmp_path_factory.mktemp("blobs") / "blobs.npz")


@pytest.fixture(scope="session")
def run_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., object]]:
    """Runs nodes under LocalDagRunner; each name is a pipeline with metadata of its own."""
    from tfx.orchestration import metadata
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner
    from tfx.orchestration.pipeline import Pipeline

    from pipeline.local.lineage import Lineage
    from pipeline.project.beam_options import beam_args
    from pipeline.project.beam_section import BeamSection

    folder = tmp_path_factory.mktemp("tfx")

    def run(name: str, nodes: list) -> Lineage:
        database = folder / f"{name}.sqlite"
        LocalDagRunner().run(
            Pipeline(
                pipeline_name=name,
                pipeline_root=str(folder / name),
                components=nodes,
                enable_cache=True,
                metadata_connection_config=metadata.sqlite_metadata_connection_config(str(database)),
                beam_pipeline_args=list(beam_args(BeamSection())),
            )
        )
        return Lineage(database, name)

    arguments, sys.argv = sys.argv, sys.argv[:1]  # TFX has absl parse pytest's otherwise
    sys.path.insert(0, str(PROJECT))
    yield run
    sys.path.remove(str(PROJECT))
    sys.argv = arguments


@pytest.fixture(scope="session")
def line(blobs: Path, run_nodes: Callable[..., object], tmp_path_factory: pytest.TempPathFactory) -> Line:
    """Data, training, conversion, evaluation and validation of the blobs."""
    from tfx.components.trainer.component import Trainer

    from components.latest_blessed_model.component import LatestBlessedModel
    from components.sensor_example_gen.component import SensorExampleGen
    from components.sensor_example_gen.sources.arrays import ArraysSection
    from components.sensor_example_gen.sources.section import Splits
    from components.tflite_converter.component import TFLiteConverter
    from components.tflm_evaluator.component import TFLMEvaluator
    from components.tflm_evaluator.thresholds import Thresholds
    from components.tflm_validator.component import TFLMValidator
    from edge_deployer.profile import load_profile

    section = ArraysSection(
        source=blobs,
        input="picture",
        label="kind",
        group="person",
        classes=list(CLASSES),
        splits=Splits(train=2, eval=1),
    )
    examples = SensorExampleGen(str(blobs), section)
    trainer = Trainer(examples=examples.outputs["examples"], run_fn="blobs.run_fn", custom_config={"epochs": 4})
    converter = TFLiteConverter(
        trainer.outputs["model"],
        examples.outputs["examples"],
        label_feature="kind",
        representative_examples=50,
        seed=0,
        class_names=CLASSES,
    )
    model = converter.outputs["int8_model"]
    baseline = LatestBlessedModel(model, all_runs=str(tmp_path_factory.mktemp("no-other-model")))
    evaluator = TFLMEvaluator(
        examples.outputs["examples"],
        model,
        baseline.outputs["baseline_model"],
        label_feature="kind",
        slices=["kind", "person"],
        thresholds=Thresholds(min_accuracy=0.1, max_drop=0.5, min_slice_accuracy=None),
    )
    validator = TFLMValidator(
        model,
        examples.outputs["examples"],
        profile=load_profile("cortex-m4"),
        label_feature="kind",
        class_names=CLASSES,
        slices=["kind", "person"],
        samples=30,
        seed=1,
    )
    lineage = run_nodes("blobs", [examples, trainer, converter, baseline, evaluator, validator])
    return Line(blobs, run_nodes, lineage)
