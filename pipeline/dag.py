"""The pipeline: which component gets what from which. The same for a local run and for Kubeflow."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfx.components.statistics_gen.component import StatisticsGen
from tfx.components.transform.component import Transform
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.pipeline import Pipeline
from tfx.types.channel import BaseChannel

from components.data_gate.component import DataGate
from components.data_gate.statistics import statistics_options
from components.latest_blessed_model.component import LatestBlessedModel
from components.project_schema.component import ProjectSchema
from components.promotion_gate.component import PromotionGate
from components.sensor_example_gen.component import SensorExampleGen
from components.tflite_converter.component import TFLiteConverter
from components.tflm_evaluator.component import TFLMEvaluator
from components.tflm_evaluator.thresholds import Thresholds
from components.tflm_pusher.component import TFLMPusher
from components.tflm_validator.component import TFLMValidator
from components.trainer.component import Trainer
from pipeline.project.beam_options import beam_args
from pipeline.project.custom_config import custom_config, training_config
from pipeline.project.preflight import Project, RunnableProject

_THRESHOLDS = ("min_accuracy", "min_auc", "min_recall", "min_precision", "max_drop")
_THRESHOLDS_OF_A_REGRESSION = ("max_mae", "max_rmse", "max_rise")

Parameter = str | RuntimeParameter
"""A value, or on Kubeflow a parameter of the pipeline."""


@dataclass(frozen=True)
class Places:
    """Where a pipeline finds and leaves things: all that differs between this machine and a cluster."""

    name: str  # Of the pipeline.
    pipeline_root: str  # Folder or URI for artifacts.
    all_runs: str  # Folder or URI with the artifacts of all runs of this pipeline, and of no other.
    # Where the data comes from, for the report; on Kubeflow, what a run names as its `data_file`.
    data_source: Parameter
    data_file: Parameter  # File or folder.
    workspace: Parameter  # Folder for the release store, the journal, virtual boards and the development key.
    inventory: Parameter  # Inventory file; empty for the shipped virtual boards.
    signing_key: Parameter  # Private key file; empty for the environment's, or a development key.
    release_version: Parameter  # ``major.minor.revision``.
    replace: int | RuntimeParameter  # 1 where a release of another task may take production's place, else 0.

    @classmethod
    def here(cls, job: RunnableProject) -> Places:
        """On this machine."""
        deploy = job.config.deploy
        artifacts = str(job.workspace.artifacts(job.config.name))
        return cls(
            name=job.config.name,
            pipeline_root=artifacts,
            all_runs=artifacts,
            data_source=Path(job.config.data.source).name,
            data_file=str(job.data_file),
            workspace=str(job.workspace.folder),
            inventory=str(deploy.inventory or ""),
            signing_key=str(deploy.signing_key or ""),
            release_version=deploy.release_version,
            replace=int(job.replace),
        )


@dataclass(frozen=True)
class ModelLine:
    """The components from data to validated model, in order, and the outputs that a delivery needs."""

    nodes: tuple[BaseNode, ...]
    model: BaseChannel[Any]
    model_blessing: BaseChannel[Any]
    infra_blessing: BaseChannel[Any]
    acceptance_set: BaseChannel[Any]
    examples: BaseChannel[Any]
    transform_graph: BaseChannel[Any]
    training: BaseChannel[Any]
    evaluation: BaseChannel[Any]
    data_findings: BaseChannel[Any]


def build_pipeline(
    project: Project,
    places: Places,
    *,
    metadata: Any = None,
    gate: bool = False,
) -> Pipeline:
    """Put the components of a project together.

    Args:
        project: the checked project.
        places: where it runs.
        metadata: ML Metadata connection config; None where the platform brings its own.
        gate: whether a refused release ends the run as failed, in a last step.
    """
    line = model_line(project, places)
    delivery = delivery_node(line, project, places)
    last = [PromotionGate(delivery.outputs["deployment_report"])] if gate else []
    return Pipeline(
        pipeline_name=places.name,
        pipeline_root=places.pipeline_root,
        components=[*line.nodes, delivery, *last],
        enable_cache=True,
        metadata_connection_config=metadata,
        beam_pipeline_args=list(beam_args(project.config.beam)),
    )


def delivery_node(line: ModelLine, project: Project, places: Places) -> TFLMPusher:
    """The component that takes the validated model to boards."""
    config, module = project.config, project.module
    return TFLMPusher(
        model=line.model,
        model_blessing=line.model_blessing,
        infra_blessing=line.infra_blessing,
        acceptance_set=line.acceptance_set,
        examples=line.examples,
        transform_graph=line.transform_graph,
        training=line.training,
        evaluation=line.evaluation,
        project=config.name,
        workspace=places.workspace,
        inventory=places.inventory,
        signing_key=places.signing_key,
        release_version=places.release_version,
        replace=places.replace,
        plan=config.acceptance,
        strategy=config.deploy.strategy,
        wait_minutes=config.deploy.wait_minutes,
        module=module.name,
        sources={
            archive: [os.path.relpath(file, module.folder) for file in files]
            for archive, files in project.archives().items()
        },
        data_source=places.data_source,
        class_names=config.class_names,
        group=config.data.group,
        data_findings=line.data_findings,
        stated_use=config.card,
        profiles=config.deploy.profiles,
        thresholds=config.evaluate.model_dump(
            include=set(_THRESHOLDS_OF_A_REGRESSION if config.is_regression else _THRESHOLDS)
        ),
    )


def model_line(project: Project, places: Places) -> ModelLine:
    """The components from data to validated model."""
    config, module = project.config, project.module
    profile = config.load_profile()
    examples = SensorExampleGen(places.data_file, config.data)
    statistics = StatisticsGen(
        examples=examples.outputs["examples"], stats_options=statistics_options(config.data.label, config.data.group)
    )
    schema = ProjectSchema(statistics.outputs["statistics"], schema_text=project.schema)
    data_gate = DataGate(
        statistics.outputs["statistics"],
        schema.outputs["schema"],
        all_runs=places.all_runs,
        label_feature=config.data.label,
        group_feature=config.data.group,
        class_names=config.data.classes or [],
        task=config.task,
        gates=config.data_gates,
    )
    transform = Transform(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        preprocessing_fn=f"{module.preprocessing_name}.preprocessing_fn",
        custom_config={**custom_config(project), "module_sha256": module.preprocessing_sha256},
        # StatisticsGen has described the data; statistics before and after would double the time of this component.
        disable_statistics=True,
    )
    # It takes nothing of the gate's, and the cache is not to ask it what the data was compared with.
    transform.add_upstream_node(data_gate)
    transformed = transform.outputs["transformed_examples"]
    trainer = Trainer(
        examples=transformed,
        transform_graph=transform.outputs["transform_graph"],
        run_fn=f"{module.name}.run_fn",
        custom_config={
            **training_config(project),
            "module_sha256": module.sha256,
        },
    )
    converter = TFLiteConverter(
        trainer.outputs["model"],
        transformed,
        label_feature=config.data.class_field,
        target_feature=config.data.target,
        representative_examples=config.convert.representative_examples,
        seed=config.train.seed,
        class_names=config.class_names,
        task=config.task,
        threshold=config.evaluate.threshold,
    )
    model = converter.outputs["int8_model"]
    baseline = LatestBlessedModel(model, all_runs=places.all_runs)
    evaluator = TFLMEvaluator(
        transformed,
        model,
        baseline.outputs["baseline_model"],
        label_feature=config.data.class_field,
        target_feature=config.data.target,
        slices=config.slices,
        thresholds=Thresholds(
            **config.evaluate.model_dump(include={*_THRESHOLDS, *_THRESHOLDS_OF_A_REGRESSION, "min_slice_accuracy"}),
            better_than_constant=config.acceptance.better_than_constant,
        ),
    )
    validator = TFLMValidator(
        model,
        transformed,
        profile=profile,
        label_feature=config.data.class_field,
        target_feature=config.data.target,
        class_names=config.class_names,
        slices=config.slices,
        samples=config.acceptance.samples,
        seed=config.train.seed,
    )
    return ModelLine(
        nodes=(
            examples,
            statistics,
            schema,
            data_gate,
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
        transform_graph=transform.outputs["transform_graph"],
        training=trainer.outputs["model_run"],
        evaluation=evaluator.outputs["evaluation"],
        data_findings=data_gate.outputs["data_findings"],
    )
