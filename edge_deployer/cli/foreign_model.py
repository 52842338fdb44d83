"""Releases a model that some other pipeline made: validate, build, deploy, report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edge_deployer.acceptance.plan import AcceptancePlan, load_plan
from edge_deployer.boards.journal import Watcher
from edge_deployer.files import read_file, require_plain_path
from edge_deployer.inventory.inventory import board_profile, load_inventory
from edge_deployer.inventory.leases import NONE, Patience
from edge_deployer.release.bundle import Bundle, Candidate
from edge_deployer.release.labelled_data import file_sha256
from edge_deployer.release.manifest import Provenance
from edge_deployer.release.sample_files import load_samples
from edge_deployer.release.samples import LabelledSamples
from edge_deployer.release.validation import Terms, Validation, validate_model
from edge_deployer.release.validation_report import ValidationReport
from edge_deployer.report.facts import DataFacts, Report
from edge_deployer.report.folders import new_report_folder
from edge_deployer.report.html import write_report
from edge_deployer.report.model_card import KnownFacts, card_files
from edge_deployer.report.pictures import sample_pictures
from edge_deployer.rollout.attesting import attestation_for_report
from edge_deployer.rollout.deployment import Deployment, refused_before_release
from edge_deployer.rollout.release_line import ReleaseLine
from edge_deployer.rollout.strategy import DEFAULT, Strategy
from edge_deployer.task import UNASKED, AskedTask
from edge_deployer.tflm.other_formats import require_tflite

_SEED = 0


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
    task: AskedTask = UNASKED
    replace: bool = False
    strategy: Strategy = DEFAULT
    patience: Patience = NONE
    take_over: bool = False
    approved: tuple[str, str] | None = None
    profiles: tuple[str, ...] | None = None

    def push(self, watcher: Watcher) -> tuple[Deployment, Callable[[], Path]]:
        """Validate, release and deploy; returns the record, and what writes the report and returns its page.

        Raises:
            TinyopsError: a file is missing or wrong, or something on this machine is.
        """
        require_plain_path(self.workspace, "workspace")
        plan = load_plan(self.plan)
        require_tflite(self.model)
        model = read_file(self.model, str(self.model))
        entry = load_inventory(self.inventory).pool("staging")[0]
        data = None if self.data is None else load_samples(self.data)
        terms = Terms(self.task, better_than_constant=plan.better_than_constant)
        profile = board_profile(entry)
        validation = validate_model(model, profile, data, acceptance_samples=plan.samples, seed=_SEED, terms=terms)
        if validation.acceptance is None:
            assert validation.report.reason is not None
            deployment, bundle = refused_before_release("validation", validation.report.reason, plan), None
        else:
            line = ReleaseLine(
                self.workspace,
                self.inventory,
                self.signing_key,
                plan,
                self.version,
                replace=self.replace,
                strategy=self.strategy,
                patience=self.patience,
                take_over=self.take_over,
                approved=self.approved,
            )
            deployment, bundle = line.push(self._candidate(model, validation, plan, data), watcher)
        return deployment, partial(self._report, deployment, bundle, validation, data)

    def _candidate(
        self, model: bytes, validation: Validation, plan: AcceptancePlan, data: LabelledSamples | None
    ) -> Candidate:
        assert validation.acceptance is not None
        known = KnownFacts(
            name=self.model.stem,
            model=model,
            validation=validation.report,
            budget=plan.budget(validation.report.profile),
            data=self._data_facts(data),
        )
        return Candidate(
            name=self.model.stem,
            model=model,
            acceptance=validation.acceptance,
            arena_bytes=validation.report.arena_bytes,
            board_profile=validation.report.profile,
            provenance=Provenance(data_fingerprint=None if self.data is None else file_sha256(self.data)),
            metrics=_metrics(validation.report),
            sources={},
            card=card_files(known),
            profiles=self.profiles,
        )

    def _data_facts(self, data: LabelledSamples | None) -> DataFacts | None:
        if data is None or self.data is None:
            return None
        return DataFacts(
            source=self.data.name,
            fingerprint=file_sha256(self.data),
            splits={"held-out": len(data)},
            class_names=list(data.class_names),
        )

    def _report(
        self, deployment: Deployment, bundle: Bundle | None, validation: Validation, data: LabelledSamples | None
    ) -> Path:
        report = Report(title=self.model.stem, deployment=deployment, validation=validation.report)
        report.attestation = attestation_for_report(bundle, deployment)
        report.data = self._data_facts(data)
        if validation.acceptance is not None:
            report.samples = sample_pictures(validation.acceptance, deployment)
        return write_report(report, new_report_folder(self.workspace))


def _metrics(report: ValidationReport) -> dict[str, float]:
    """The figures of the manifest: the task's, in TFLM, and over how many samples they are."""
    figures: dict[str, float] = dict(report.figures.items())
    return {**figures, "eval_examples": report.eval_samples} if figures else {}
