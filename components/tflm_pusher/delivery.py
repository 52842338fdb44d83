"""One delivery: the gates before the boards, the release, and the report."""

from __future__ import annotations

import importlib.util
import json
import logging
from functools import cached_property
from pathlib import Path
from typing import Any

from tfx import types
from tfx.components.evaluator.constants import ARTIFACT_PROPERTY_BLESSED_KEY, BLESSED_VALUE

from components.artifact_files import DAMAGED_ARTIFACT
from components.git import run_git
from components.tflite_model import input_feature, read_tflite
from components.tflm_evaluator.outcome import refusal_reason
from components.tflm_pusher import report_facts
from components.tflm_pusher.front_end import released_front_end
from components.tflm_validator.executor import BLESSED_PROPERTY
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.boards.record import Step
from edge_deployer.errors import TinyopsError
from edge_deployer.files import read_file
from edge_deployer.finding import Told
from edge_deployer.inventory.leases import Patience
from edge_deployer.release import acceptance_set
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.release.bundle import Bundle, Candidate
from edge_deployer.release.manifest import Provenance
from edge_deployer.release.model_card import StatedUse
from edge_deployer.release.refusals import NotBlessed
from edge_deployer.report.facts import Report
from edge_deployer.report.model_card import KnownFacts, card_files
from edge_deployer.report.pictures import sample_pictures
from edge_deployer.report.words import step_in_words
from edge_deployer.rollout.attesting import attestation_for_report
from edge_deployer.rollout.deployment import Deployment, refused_before_release
from edge_deployer.rollout.release_line import ReleaseLine
from edge_deployer.rollout.strategy import parse_strategy

OUTCOME_LOGGER = "tinyops.outcome"
"""How the model fared is logged here as soon as it is decided; the log record's `deployment` is the record as JSON."""

STEP_LOGGER = "tinyops.deployment"
"""Every step on a board is logged here, for whoever shows the run."""


class PusherExecution:
    """What one execution of TFLMPusher does.

    Everything that earlier components left is read here, before a board is touched: what cannot be read then stops the
    delivery, and never the report of one that has been made.
    """

    def __init__(self, inputs: dict[str, types.Artifact], parameters: dict[str, Any], run_id: str | None) -> None:
        self._inputs = inputs
        self._parameters = parameters
        self._run_id = run_id
        self._plan = AcceptancePlan.model_validate_json(parameters["plan"])
        self._data = report_facts.data_facts(inputs["examples"], parameters)
        self._groups = report_facts.group_counts(inputs["examples"])
        self._data_gates = report_facts.data_gates(inputs.get("data_findings"))
        self._validation = report_facts.validation_report(inputs["infra_blessing"])
        self._evaluation = report_facts.evaluation_facts(
            inputs["evaluation"],
            blessed=self._is_evaluated,
            thresholds=json.loads(parameters["thresholds"]),
            class_names=self._data.class_names,
        )
        self._training = report_facts.training_facts(inputs["training"])
        self._conversion = report_facts.conversion_facts(inputs["model"])
        self._front_end = released_front_end(
            inputs["examples"], inputs.get("transform_graph"), input_feature(read_tflite(inputs["model"]))
        )
        self._lineage = report_facts.lineage(_reached(inputs), self._data)

    def refusal(self) -> Deployment | None:
        """The record of a refusal before any board is touched, or None if both blessings are there."""
        if not self._is_evaluated:
            reason = refusal_reason(self._inputs["evaluation"].uri, self._data.class_names) or NotBlessed(findings=())
            return refused_before_release("evaluation", reason, self._plan)
        if not self._inputs["infra_blessing"].get_int_custom_property(BLESSED_PROPERTY):
            unsaid = Told(text="the TFLMValidator did not bless the model")
            return refused_before_release("validation", self._validation.reason or unsaid, self._plan)
        return None

    def push(self) -> tuple[Deployment, Bundle]:
        """Release the model and deploy it.

        Raises:
            TinyopsError: the inventory or the signing key is wrong, or virtual boards cannot run on this machine.
        """
        inventory, key = self._parameters["inventory"], self._parameters["signing_key"]
        line = ReleaseLine(
            workspace=Path(self._parameters["workspace"]),
            inventory=Path(inventory) if inventory else None,
            signing_key=Path(key) if key else None,
            plan=self._plan,
            version=self._parameters["release_version"],
            replace=bool(self._parameters.get("replace")),
            strategy=parse_strategy(json.loads(self._parameters.get("strategy") or "{}"), "the parameter strategy"),
            patience=Patience(60.0 * (self._parameters.get("wait_minutes") or 0), _tell_wait),
        )
        return line.push(self._candidate(), _StepLog())

    def report(self, deployment: Deployment, bundle: Bundle | None) -> Report:
        """Everything known about the model and how it fared."""
        return Report(
            title=self._parameters["project"],
            run_id=self._run_id,
            deployment=deployment,
            data=self._data,
            data_gates=self._data_gates,
            training=self._training,
            conversion=self._conversion,
            evaluation=self._evaluation,
            validation=self._validation,
            lineage=self._lineage,
            samples=sample_pictures(self._acceptance, deployment) if deployment.release else [],
            attestation=attestation_for_report(bundle, deployment),
        )

    @property
    def _is_evaluated(self) -> bool:
        blessing = self._inputs["model_blessing"]
        return bool(blessing.get_int_custom_property(ARTIFACT_PROPERTY_BLESSED_KEY) == BLESSED_VALUE)

    @cached_property
    def _acceptance(self) -> AcceptanceSet:
        path = Path(self._inputs["acceptance_set"].uri, acceptance_set.FILE_NAME)
        return AcceptanceSet.from_bytes(read_file(path, f"acceptance set {path}", remedy=DAMAGED_ARTIFACT))

    def _candidate(self) -> Candidate:
        assert self._validation.arena_bytes is not None
        assert self._evaluation is not None
        folder, model = _module_folder(self._parameters["module"]), read_tflite(self._inputs["model"])
        sources = {
            name: [folder / file for file in files] for name, files in json.loads(self._parameters["sources"]).items()
        }
        return Candidate(
            name=self._parameters["project"],
            model=model,
            acceptance=self._acceptance,
            arena_bytes=self._validation.arena_bytes,
            board_profile=self._validation.profile,
            provenance=provenance_of(folder, run_id=self._run_id, data_fingerprint=self._data.fingerprint),
            metrics=dict[str, float](self._evaluation.figures.items()) | {"eval_examples": self._evaluation.examples},
            sources=sources,
            front_end=self._front_end,
            card=card_files(self._known(model)),
            profiles=tuple(json.loads(self._parameters.get("profiles") or "[]")) or None,
        )

    def _known(self, model: bytes) -> KnownFacts:
        """What the model card is made of."""
        return KnownFacts(
            name=self._parameters["project"],
            model=model,
            validation=self._validation,
            budget=self._plan.budget(self._validation.profile),
            stated=StatedUse.model_validate_json(self._parameters.get("stated_use") or "{}"),
            data=self._data,
            groups=self._groups,
            gates=self._data_gates,
            front_end=self._front_end.facts if self._front_end else None,
            evaluation=self._evaluation,
            conversion=self._conversion,
        )


def _module_folder(name: str) -> Path:
    """Where the user's module lies: it is on the import path wherever the pipeline runs."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        remedy = "put the project's folder into the image, where kubeflow.project_folder says"
        raise TinyopsError(f"the module {name!r} is not on the import path of TFLMPusher's step", remedy=remedy)
    return Path(spec.origin).parent


def provenance_of(folder: Path, *, run_id: str | None, data_fingerprint: str | None) -> Provenance:
    """Which code in `folder` made a model, as git knows it; no commit without git, or outside a repository."""
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--", ".")
    return Provenance(
        run_id=run_id,
        git_commit=commit or None,
        git_dirty=None if changes is None or not commit else bool(changes),
        data_fingerprint=data_fingerprint,
    )


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = run_git(folder, *arguments)
    except OSError:
        return None
    return None if done.returncode else done.stdout.strip()


def _reached(inputs: dict[str, types.Artifact]) -> dict[str, types.Artifact]:
    """What each step made, in the order of the pipeline, in the report's words."""
    return {
        "examples": inputs["examples"],
        "training": inputs["training"],
        "int8 model": inputs["model"],
        "evaluation": inputs["model_blessing"],
        "validation": inputs["infra_blessing"],
        "acceptance set": inputs["acceptance_set"],
    }


def _tell_wait(words: str) -> None:
    logging.getLogger(STEP_LOGGER).info("boards: %s", words)


class _StepLog:
    """Follows a deployment and logs its steps."""

    def __init__(self) -> None:
        self._logger = logging.getLogger(STEP_LOGGER)

    def on_step(self, step: Step) -> None:
        self._logger.info("%s: %s", step.board, step_in_words(step))

    def on_progress(self, board: str, action: str, done: int, total: int) -> None:
        """Progress of an upload is not logged: a step says when it begins and the next when it has ended."""
