"""The sequential tests that a plan asks for, as far as the samples of an acceptance set go."""

from __future__ import annotations

import numpy as np

from edge_deployer.acceptance.plan import AcceptancePlan, AgainstProduction, Ceiling, Disagreement, Floor
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.statistics.bernoulli import BernoulliTest, design_test
from edge_deployer.acceptance.statistics.bounded_mean import CeilingTest, FloorTest
from edge_deployer.acceptance.statistics.paired import PairedTest
from edge_deployer.tensors import dequantize


def disagreement_test(shares: Disagreement, samples: int, plan: AcceptancePlan) -> BernoulliTest:
    """The test of a share of samples on which a board differs from TFLM.

    Raises:
        TooFewSamplesError: so many samples are too few for it.
    """
    return design_test(shares.tolerated, shares.bad, plan.alpha, plan.beta, samples)


def accuracy_test(floor: Floor, samples: int, plan: AcceptancePlan) -> BernoulliTest:
    """The test of an accuracy, as a share of wrong answers.

    Raises:
        TooFewSamplesError: so many samples are too few for it.
    """
    return design_test(1 - floor.floor, 1 - floor.floor + floor.margin, plan.alpha, plan.beta, samples)


def auc_test(floor: Floor, pairs: int, plan: AcceptancePlan) -> FloorTest:
    """The test of an area under the ROC curve; its samples are pairs of an anomaly and a normal sample."""
    return FloorTest(floor.floor, floor.margin, plan.alpha, plan.beta, max(1, pairs))


def mae_test(ceiling: Ceiling, reference: Reference, plan: AcceptancePlan) -> CeilingTest:
    """The test of a mean absolute error.

    Raises:
        ValueError: the largest error is not known, or ceiling and margin go beyond it.
    """
    largest = ceiling.largest_error or _largest_error(reference)
    return CeilingTest(ceiling.ceiling, ceiling.margin, plan.alpha, plan.beta, len(reference), 0.0, largest)


def paired_test(against: AgainstProduction, samples: int, plan: AcceptancePlan) -> PairedTest:
    """The test of a loss of accuracy against the release in production."""
    return PairedTest(against.margin, plan.alpha, plan.beta, samples)


def _largest_error(reference: Reference) -> float:
    """How far the ends of the output's stored type are from the targets, in real units."""
    stored = np.dtype(reference.output.dtype)
    if reference.output.scale is None or stored.kind not in "iu" or reference.targets is None:
        raise ValueError(f"the largest error of an output {reference.output.describe()} is not known")
    limits = np.iinfo(stored)
    low, high = map(float, dequantize(np.array([limits.min, limits.max]), reference.output))
    targets = reference.targets.load()
    return max(high - float(targets.min()), float(targets.max()) - low)
