"""A template as its user takes it: copied, given data, run until boards have it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from components.conversion_report import FILE_NAME as CONVERSION_FILE
from components.conversion_report import ConversionReport
from edge_deployer.release.validation_report import FILE_NAME as VALIDATION_FILE
from edge_deployer.release.validation_report import ValidationReport
from pipeline.local.lineage import Lineage
from pipeline.local.run import run_project
from pipeline.project.config import DEFAULT_CONFIG
from tests.edge_deployer.outcomes import assert_outcome

TEMPLATES = DEFAULT_CONFIG.parents[1]


def template_names() -> Iterator[str]:
    """Of all templates."""
    return (config.parent.name for config in sorted(TEMPLATES.glob(f"*/{DEFAULT_CONFIG.name}")))


def copied(name: str, folder: Path) -> Path:
    """A copy of a template, without what tests and users leave in it; returns its config."""
    ignored = shutil.ignore_patterns("__pycache__", "pictures", ".tinyops")
    return Path(shutil.copytree(TEMPLATES / name, folder / name, ignore=ignored)) / DEFAULT_CONFIG.name


@dataclass(frozen=True)
class Promoted:
    """What is known of a model that runs on production boards."""

    conversion: ConversionReport
    validation: ValidationReport


def promoted(config: Path, workspace: Path) -> Promoted:
    """Run a project whose model reaches production."""
    result = run_project(config, workspace, lambda _: None)
    assert_outcome(result.deployment, "promoted")
    lineage = Lineage(workspace / "metadata.sqlite", config.parent.name)
    conversion = lineage.latest("TFLiteConverter").folder("int8_model") / CONVERSION_FILE
    validation = lineage.latest("TFLMValidator").folder("blessing") / VALIDATION_FILE
    return Promoted(
        ConversionReport.model_validate_json(conversion.read_text()),
        ValidationReport.model_validate_json(validation.read_text()),
    )
