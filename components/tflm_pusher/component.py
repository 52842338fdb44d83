"""TFLMPusher: the component that takes a model to boards."""

from __future__ import annotations

import json
from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifact_types import AcceptanceSet, DataFindings, DeploymentReport, HtmlReport, MarkdownReport
from components.fingerprint_driver import FINGERPRINT
from components.tflm_pusher import executor
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.release.model_card import StatedUse
from edge_deployer.rollout.strategy import DEFAULT, Strategy

DEFAULT_WAIT_MINUTES = 30
"""For boards that somebody else holds: hours of training are not lost to a lock."""


class TFLMPusherSpec(ComponentSpec):
    """Interface of TFLMPusher. Lists and mappings are JSON: Kubeflow's back end hands over text."""

    PARAMETERS = {
        "project": ExecutionParameter(type=str),
        "workspace": ExecutionParameter(type=str),
        "inventory": ExecutionParameter(type=str),
        "signing_key": ExecutionParameter(type=str),
        "release_version": ExecutionParameter(type=str),
        "profiles": ExecutionParameter(type=str, optional=True),
        "replace": ExecutionParameter(type=int, optional=True),
        "plan": ExecutionParameter(type=str),
        "strategy": ExecutionParameter(type=str, optional=True),
        "wait_minutes": ExecutionParameter(type=int, optional=True),
        "module": ExecutionParameter(type=str),
        "sources": ExecutionParameter(type=str),
        "data_source": ExecutionParameter(type=str),
        "class_names": ExecutionParameter(type=str),
        "group": ExecutionParameter(type=str, optional=True),
        "thresholds": ExecutionParameter(type=str),
        "stated_use": ExecutionParameter(type=str, optional=True),
        FINGERPRINT: ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "infra_blessing": ChannelParameter(type=standard_artifacts.InfraBlessing),
        "acceptance_set": ChannelParameter(type=AcceptanceSet),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph, optional=True),
        "training": ChannelParameter(type=standard_artifacts.ModelRun),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "data_findings": ChannelParameter(type=DataFindings, optional=True),
    }
    OUTPUTS = {
        "pushed_model": ChannelParameter(type=standard_artifacts.PushedModel),
        "deployment_report": ChannelParameter(type=DeploymentReport),
        "html_report": ChannelParameter(type=HtmlReport),
        "markdown_report": ChannelParameter(type=MarkdownReport),
    }


class TFLMPusher(base_component.BaseComponent):
    """Releases a blessed model: signs it, tries it on the staging pool, and promotes it to the production pool.

    A refusal, at whatever gate, is a result: the component succeeds, `pushed` is 0 and the report says why. It is never
    cached, and pushing the same model twice changes nothing on any board.

    Outputs:
        pushed_model: `standard_artifacts.PushedModel`; the release bundle, if it was pushed. Custom property ``pushed``
            (0 or 1).
        deployment_report: `components.artifact_types.DeploymentReport`: the report as HTML, Markdown and JSON. After a
            promotion it has the statistics of the data, too, which DataGate compares later data with.
        html_report: `components.artifact_types.HtmlReport`: the page alone, which Kubeflow shows.
        markdown_report: `components.artifact_types.MarkdownReport`: the same in short.
    """

    SPEC_CLASS = TFLMPusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)
    DRIVER_CLASS = executor.Driver

    def __init__(
        self,
        *,
        model: BaseChannel[Any],
        model_blessing: BaseChannel[Any],
        infra_blessing: BaseChannel[Any],
        acceptance_set: BaseChannel[Any],
        examples: BaseChannel[Any],
        training: BaseChannel[Any],
        evaluation: BaseChannel[Any],
        project: str,
        workspace: str | RuntimeParameter,
        inventory: str | RuntimeParameter,
        signing_key: str | RuntimeParameter,
        release_version: str | RuntimeParameter,
        replace: int | RuntimeParameter = 0,
        plan: AcceptancePlan,
        module: str,
        sources: dict[str, list[str]],
        data_source: str | RuntimeParameter,
        class_names: list[str],
        thresholds: dict[str, float | None],
        group: str | None = None,
        data_findings: BaseChannel[Any] | None = None,
        transform_graph: BaseChannel[Any] | None = None,
        stated_use: StatedUse | None = None,
        strategy: Strategy = DEFAULT,
        wait_minutes: int = DEFAULT_WAIT_MINUTES,
        profiles: list[str] | None = None,
    ) -> None:
        """Describe the delivery.

        Args:
            model: the int8 model.
            model_blessing: the Evaluator's; a model without it never reaches a board.
            infra_blessing: the TFLMValidator's; the same.
            acceptance_set: the TFLMValidator's samples.
            examples: the SensorExampleGen's; for the front end that a release carries, and the report.
            training: the Trainer's ``model_run``; for the report.
            evaluation: the Evaluator's; for the reason of a refusal, and the report.
            project: name of the release.
            workspace: folder for the release store, virtual boards and the development key.
            inventory: inventory file; empty for the shipped virtual boards.
            signing_key: private key file; empty for the key in the variable TINYOPS_SIGNING_KEY, or a development key
                in the workspace.
            release_version: ``major.minor.revision``.
            replace: 1 lets a release of another task, input shape or number of outputs take production's place.
            plan: what boards are asked.
            module: import name of the user's module.
            sources: archive file name to the files that go in it, as paths that count from the module's folder; the
                archives travel beside the image.
            data_source: where the data comes from, in words; for the report.
            class_names: name of each class, none of a regression; for the report.
            thresholds: ``min_accuracy``, ``min_auc``, ``min_recall``, ``min_precision`` and ``max_drop`` of the
                evaluation, or of a regression's ``max_mae``, ``max_rmse`` and ``max_rise``; for the report.
            group: the column that no split shares; for the report.
            data_findings: the DataGate's; for the report, and for what later data is compared with.
            transform_graph: the Transform's, where there is one: what it changes, boards cannot compute.
            stated_use: what the project says that the model is for; for the model card.
            strategy: how production gets the release.
            wait_minutes: how long to wait for boards that somebody else holds.
            profiles: names of the board profiles that the release is for; None: of all that it fits.
        """
        super().__init__(
            TFLMPusherSpec(
                model=model,
                model_blessing=model_blessing,
                infra_blessing=infra_blessing,
                acceptance_set=acceptance_set,
                examples=examples,
                training=training,
                evaluation=evaluation,
                data_findings=data_findings,
                transform_graph=transform_graph,
                project=project,
                workspace=workspace,
                inventory=inventory,
                signing_key=signing_key,
                release_version=release_version,
                profiles=json.dumps(profiles) if profiles else None,
                replace=replace,
                plan=plan.model_dump_json(),
                strategy=strategy.model_dump_json(exclude_defaults=True),
                wait_minutes=wait_minutes,
                module=module,
                sources=json.dumps(sources),
                data_source=data_source,
                class_names=json.dumps(class_names),
                group=group,
                thresholds=json.dumps(thresholds),
                stated_use=(stated_use or StatedUse()).model_dump_json(exclude_none=True),
                pushed_model=Channel(type=standard_artifacts.PushedModel),
                deployment_report=Channel(type=DeploymentReport),
                html_report=Channel(type=HtmlReport),
                markdown_report=Channel(type=MarkdownReport),
            )
        )
