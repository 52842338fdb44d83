"""The pipeline: which component gets what from which. The same for a local run and for Kubeflow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfx.components.example_validator.component import ExampleValidator
from tfx.components.schema_gen.component import SchemaGen
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.components.trainer.component import Trainer
from tfx.components.transform.component import Transform
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.pipeline import Pipeline
from tfx.types.channel import BaseChannel

from components.sensor_example_gen.component import SensorExampleGen
from components.tflite_converter.component import TFLiteConverter
from components.tflm_evaluator.component import TFLMEvaluator, baseline_resolver
from components.tflm_evaluator.thresholds import Thresholds
from components.tflm_pusher.component import TFLMPusher
from components.tflm_validator.component import TFLMValidator
from pipeline.data_source import fields_of
from pipeline.preflight import Job

# In memory, in this process: Beam's default runner asks for a service that it would have to download. Naming an image,
# which this runner has no use for, keeps TFX from packing its own source for remote workers: three seconds a component.
BEAM_ARGS = (
    "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    "--direct_running_mode=in_memory",
    "--sdk_container_image=none",
)


@dataclass(frozen=True)
class ModelLine:
    """The components from data to validated model, in order, and the outputs that a delivery needs."""

    nodes: tuple[BaseNode, ...]
    model: BaseChannel
    model_blessing: BaseChannel
    infra_blessing: BaseChannel
    acceptance_set: BaseChannel
    examples: BaseChannel
    training: BaseChannel
    evaluation: BaseChannel


def build_pipeline(
    job: Job,
    *,
    pipeline_root: Path | str,
    metadata: Any = None,
    beam_args: tuple[str, ...] = BEAM_ARGS,
) -> Pipeline:
    """Put the components of a project together.

    Args:
        job: the checked project.
        pipeline_root: folder for artifacts.
        metadata: ML Metadata connection config; None where the platform brings its own.
        beam_args: arguments for Beam.
    """
    line = model_line(job)
    return Pipeline(
        pipeline_name=job.config.name,
        pipeline_root=str(pipeline_root),
        components=[*line.nodes, delivery_node(line, job)],
        enable_cache=True,
        metadata_connection_config=metadata,
        beam_pipeline_args=list(beam_args),
    )


def delivery_node(line: ModelLine, job: Job) -> TFLMPusher:
    """The component that takes the validated model to boards."""
    config, deploy = job.config, job.config.deploy
    return TFLMPusher(
        model=line.model,
        model_blessing=line.model_blessing,
        infra_blessing=line.infra_blessing,
        acceptance_set=line.acceptance_set,
        examples=line.examples,
        training=line.training,
        evaluation=line.evaluation,
        project=config.name,
        workspace=str(job.workspace.folder),
        inventory=_text(deploy.inventory),
        signing_key=_text(deploy.signing_key),
        release_version=deploy.release_version,
        plan=config.acceptance,
        sources={name: [str(path) for path in files] for name, files in job.archives().items()},
        data_source=str(config.data.source),
        class_names=config.data.classes,
        group=config.data.group,
        thresholds={"min_accuracy": config.evaluate.min_accuracy, "max_drop": config.evaluate.max_drop},
    )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def model_line(job: Job) -> ModelLine:
    """The components from data to validated model."""
    config, module = job.config, job.module
    examples = SensorExampleGen(job.data_file, fields_of(config.data), config.buckets)
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    schema = SchemaGen(statistics=statistics.outputs["statistics"], infer_feature_shape=True)
    anomalies = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])
    transform = Transform(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        preprocessing_fn=f"{module.name}.preprocessing_fn",
        custom_config=_custom_config(job),
        # StatisticsGen has described the data; statistics before and after would double the time of this component.
        disable_statistics=True,
    )
    transformed = transform.outputs["transformed_examples"]
    trainer = Trainer(
        examples=transformed,
        transform_graph=transform.outputs["transform_graph"],
        run_fn=f"{module.name}.run_fn",
        custom_config=_custom_config(job),
    )
    converter = TFLiteConverter(
        trainer.outputs["model"],
        transformed,
        label_feature=config.data.label,
        representative_examples=config.convert.representative_examples,
        seed=config.train.seed,
    )
    model = converter.outputs["int8_model"]
    baseline = baseline_resolver(model)
    evaluator = TFLMEvaluator(
        transformed,
        model,
        baseline.outputs["model"],
        label_feature=config.data.label,
        slices=config.slices,
        thresholds=Thresholds(
            min_accuracy=config.evaluate.min_accuracy,
            max_drop=config.evaluate.max_drop,
            min_slice_accuracy=config.evaluate.min_slice_accuracy,
        ),
    )
    validator = TFLMValidator(
        model,
        transformed,
        profile=config.load_profile(),
        label_feature=config.data.label,
        class_names=config.data.classes,
        slices=config.slices,
        samples=config.acceptance.samples,
        seed=config.train.seed,
    )
    return ModelLine(
        nodes=(
            examples,
            statistics,
            schema,
            anomalies,
            transform,
            trainer,
            converter,
            baseline,
            evaluator,
            validator,
        ),
        model=model,
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=validator.outputs["blessing"],
        acceptance_set=validator.outputs["acceptance_set"],
        examples=examples.outputs["examples"],
        training=trainer.outputs["model_run"],
        evaluation=evaluator.outputs["evaluation"],
    )


def _custom_config(job: Job) -> dict[str, Any]:
    """What the user's functions find in `custom_config`; the digest makes the cache see an edit of their source."""
    config = job.config
    return {
        "input": config.data.input,
        "label": config.data.label,
        "classes": len(config.data.classes),
        "epochs": config.train.epochs,
        "seed": config.train.seed,
        "module_sha256": job.module.sha256,
    }
