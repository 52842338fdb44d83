"""Releases a model that some other pipeline made: validate, build, deploy, report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.field_errors import describe_validation_error
from edge_deployer.files import read_file, read_yaml
from edge_deployer.inventory.inventory import board_profile, load_inventory
from edge_deployer.release.bundle import Candidate
from edge_deployer.release.labelled_data import DatasetFields, array_names, file_sha256, load_dataset
from edge_deployer.release.manifest import Provenance
from edge_deployer.release.validation import LabelledSamples, Validation, validate_model
from edge_deployer.report.facts import DataFacts, Report
from edge_deployer.report.folders import new_report_folder
from edge_deployer.report.html import write_report
from edge_deployer.report.pictures import sample_pictures
from edge_deployer.rollout.deployment import Deployment, refused_before_release
from edge_deployer.rollout.journal import Watcher
from edge_deployer.rollout.release_line import ReleaseLine

_SEED = 0
_REMEDY = "change the model as the reason says; no board was touched"


@dataclass(frozen=True)
class ForeignModel:
    """A ``.tflite`` file and where it is to go; the fields are the options of `tinyops push`."""

    model: Path
    data: Path | None
    inventory: Path | None
    plan: Path | None
    signing_key: Path | None
    version: str
    workspace: Path

    def push(self, watcher: Watcher) -> tuple[Deployment, Path]:
        """Validate, release and deploy; returns the record and the path of the HTML report.

        Raises:
            TinyopsError: a file is missing or wrong, or something on this machine is.
        """
        plan = load_plan(self.plan)
        model = read_file(self.model, str(self.model))
        entry = load_inventory(self.inventory).pool("staging")[0]
        data = None if self.data is None else _load_samples(self.data)
        samples = plan.samples if data else plan.golden_vectors
        validation = validate_model(model, board_profile(entry), data, acceptance_samples=samples, seed=_SEED)
        if validation.acceptance is None:
            reason = validation.report.reason or ""
            deployment = refused_before_release("validation", reason, _REMEDY, plan)
        else:
            line = ReleaseLine(self.workspace, self.inventory, self.signing_key, plan, self.version)
            deployment, _ = line.push(self._candidate(model, validation), watcher)
        return deployment, self._report(deployment, validation, data)

    def _candidate(self, model: bytes, validation: Validation) -> Candidate:
        assert validation.acceptance is not None
        assert validation.report.arena_bytes is not None
        accuracy = validation.report.accuracy
        return Candidate(
            name=self.model.stem,
            model=model,
            acceptance=validation.acceptance,
            arena_bytes=validation.report.arena_bytes,
            board_profile=validation.report.profile,
            provenance=Provenance(data_fingerprint=None if self.data is None else file_sha256(self.data)),
            metrics={} if accuracy is None else {"accuracy": accuracy},
            sources={},
        )

    def _report(self, deployment: Deployment, validation: Validation, data: LabelledSamples | None) -> Path:
        report = Report(title=self.model.stem, deployment=deployment, validation=validation.report)
        if data is not None and self.data is not None:
            report.data = DataFacts(
                source=self.data.name,
                fingerprint=file_sha256(self.data),
                splits={"held-out": len(data.values)},
                class_names=list(data.class_names),
            )
        if validation.acceptance is not None:
            report.samples = sample_pictures(validation.acceptance, deployment)
        return write_report(report, new_report_folder(self.workspace))


def load_plan(path: Path | None) -> AcceptancePlan:
    """Read an acceptance plan; None gives the default one.

    Raises:
        TinyopsError: the file is missing, is not YAML, or a field is wrong.
    """
    if path is None:
        return AcceptancePlan()
    content = read_yaml(path, f"acceptance plan {path}")
    try:
        return AcceptancePlan.model_validate(content or {})
    except ValidationError as error:
        raise describe_validation_error(error, f"acceptance plan {path}") from error


def _load_samples(path: Path) -> LabelledSamples:
    label = "labels" if "labels" in array_names(path) else None
    data = load_dataset(path, DatasetFields(input="inputs", label=label, group=None, classes=None))
    return LabelledSamples(data.inputs, data.labels)
