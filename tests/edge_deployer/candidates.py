"""Candidates for a release, samples of their models, and what their promotion leaves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import numpy as np

from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.release.bundle import Bundle, Candidate
from edge_deployer.release.samples import LabelledSamples
from edge_deployer.release.store import RECORD_FILE
from edge_deployer.rollout.deployment import Deployment, describe_release

MakeCandidate = Callable[..., Candidate]
"""What the fixture `make_candidate` gives."""


def one_hot_samples(classes: int, count: int) -> LabelledSamples:
    """Samples that the identity classifier names right: the largest stored value stands at the label."""
    labels = np.arange(count) % classes
    values = np.full((count, classes), -100, np.int8)
    values[np.arange(count), labels] = 100
    return LabelledSamples(values, labels, tuple(f"class {number}" for number in range(classes)))


def with_wrong_reference(candidate: Candidate) -> Candidate:
    """The same model, with a reference that boards match on nine of ten samples: as if they computed something else."""
    assert candidate.acceptance.outputs is not None
    outputs = candidate.acceptance.outputs.copy()
    outputs[9::10] = np.roll(outputs[9::10], 1, axis=1)
    wrong = dataclasses.replace(candidate.acceptance, outputs=outputs)
    return dataclasses.replace(candidate, acceptance=wrong)


def record_promotion(bundle: Bundle, plan: AcceptancePlan | None = None, *, days_ago: int = 0) -> None:
    """Write the record that a promotion leaves beside the bundle."""
    at = datetime.now(timezone.utc) - timedelta(days=days_ago)
    record = Deployment(
        outcome="promoted", release=describe_release(bundle), plan=plan or AcceptancePlan(), started=at, finished=at
    )
    (bundle.folder / RECORD_FILE).write_text(record.model_dump_json())
