"""The digits, from data to production boards, on a Beam runner."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from edge_deployer.release.validation_report import FILE_NAME as VALIDATION_FILE
from edge_deployer.release.validation_report import ValidationReport
from pipeline.local.lineage import Lineage
from pipeline.local.run import run_project
from pipeline.project.config import DEFAULT_CONFIG
from tests.edge_deployer.outcomes import assert_outcome


def write_project(folder: Path, beam: dict[str, Any]) -> Path:
    """A copy of the default project with a section `beam`; returns its config."""
    shutil.copytree(DEFAULT_CONFIG.parent, folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    config = folder / DEFAULT_CONFIG.name
    config.write_text(yaml.safe_dump({**yaml.safe_load(DEFAULT_CONFIG.read_text()), "beam": beam}))
    return config


def assert_promoted_on_sound_figures(config: Path) -> None:
    """Run a project: the model is promoted, on figures of Beam's workers that others find too, to the last sample.

    TFLMValidator counts over the eval split without Beam. That TFMA's counts are the same, says that the workers read,
    transformed, ran and joined every example once.
    """
    from components.tflm_evaluator.outcome import overall_metrics, slice_metrics

    workspace = config.parent / "workspace"
    result = run_project(config, workspace, lambda _: None)
    assert_outcome(result.deployment, "promoted")
    assert result.cached == ()
    lineage = Lineage(workspace / "metadata.sqlite", "digits")
    evaluation = str(lineage.latest("TFLMEvaluator").folder("evaluation"))
    validation = lineage.latest("TFLMValidator").folder("blessing") / VALIDATION_FILE
    confusion = np.array(ValidationReport.model_validate_json(validation.read_text()).confusion)
    overall = overall_metrics(evaluation)
    assert overall["example_count"] == confusion.sum()
    assert round(overall["accuracy"] * confusion.sum()) == np.trace(confusion)
    counts = Counter({name: figures["example_count"] for name, figures in slice_metrics(evaluation).items()})
    assert [counts[f"label = {label}"] for label in range(10)] == confusion.sum(axis=1).tolist()
