"""The sequential test of one board as it went: failures against samples, between the two lines that end it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from edge_deployer.acceptance.agreement import BoolArray
from edge_deployer.acceptance.check import Case, CheckResult, all_checks
from edge_deployer.acceptance.sequential import DisagreementCheck
from edge_deployer.acceptance.statistics.bernoulli import BernoulliTest
from edge_deployer.acceptance.statistics.lines import UNIT
from edge_deployer.boards.record import BoardRecord
from edge_deployer.report.charts import Chart
from edge_deployer.report.plot import ACCENT, BAD, GOOD, INK, Axis, Plot, ticks
from edge_deployer.rollout.deployment import Deployment

_DECIDED = {"passed": "accepts", "failed": "refuses", "undecided": "comes to no decision"}
_ROOM, _MARGIN = 1.06, 0.015
_LEAST = -0.25
"""Failures at which the axis begins, so that a walk without any is seen."""


@dataclass(frozen=True)
class _Walk:
    """The way of one board: whether each sample spoke against it, as far as the test took samples."""

    board: str
    check: CheckResult
    counts: str
    test: BernoulliTest
    failed: BoolArray


def sequential_chart(deployment: Deployment) -> Chart | None:
    """Draw the first check of a share of samples that has tested anything: labels, or outputs that are no classes.

    A board that refuses comes before one that is undecided, and that before one that accepts.

    Returns:
        None where no board has come so far.
    """
    walk = _choose(deployment)
    if walk is None:
        return None
    return Chart(f"{walk.check.name.capitalize()} check on {walk.board}", _draw(walk), _describe(walk))


def _choose(deployment: Deployment) -> _Walk | None:
    staging = [board for board in deployment.boards if board.pool == "staging"]
    results = [(board, result) for board in staging if board.verdict for result in board.verdict.checks]
    for check in all_checks():
        found = [(board, result) for board, result in results if result.name == check.name and result.samples]
        if found and deployment.reference is not None and isinstance(check, DisagreementCheck):
            order = ("failed", "undecided", "passed")
            board, result = min(found, key=lambda pair: order.index(pair[1].status))
            return _walk(board, check, result, deployment)
    return None


def _walk(board: BoardRecord, check: DisagreementCheck, result: CheckResult, deployment: Deployment) -> _Walk:
    reference, plan = deployment.reference, deployment.plan
    assert reference is not None
    assert board.evidence is not None
    failed = check.samples_against(Case(board.evidence, reference, plan))[: result.samples]
    return _Walk(board.name, result, check.counts, check.test(plan, len(reference)), failed)


def _draw(walk: _Walk) -> Markup:
    lines, fixed, taken = walk.test.lines, walk.check.fixed_samples, len(walk.failed)
    right = max(taken, fixed or 0) * _ROOM
    inner = (fixed or right) - right * _MARGIN
    rejecting = [(sample, (lines.slope * sample + lines.reject) / UNIT) for sample in (0, right)]
    # The accepting line comes into sight where it reaches the failures at which the axis begins.
    begin = min((_LEAST * UNIT + lines.accept) / lines.slope, right)
    accepting = [(sample, (lines.slope * sample - lines.accept) / UNIT) for sample in (begin, right)]
    failures = int(walk.failed.sum())
    top = max(rejecting[1][1], failures) * _ROOM + 0.5
    plot = Plot(389, 216, _whole(0, right, 6, "samples"), _whole(_LEAST, top, 5, walk.counts))
    plot.area([*rejecting, (right, top), (0, top)], BAD)
    plot.line(rejecting, BAD, 1.6)
    if begin < right:
        plot.area([*accepting, (right, _LEAST)], GOOD)
        plot.line(accepting, GOOD, 1.6)
    rises = np.flatnonzero(walk.failed) + 1
    steps = [(sample, count + risen) for count, sample in enumerate(rises.tolist()) for risen in (0, 1)]
    plot.line([(0, 0), *steps, (taken, failures)], ACCENT, 2.2)
    plot.dots([(taken, failures)], ACCENT, 3)
    plot.text((right * _MARGIN, top * 0.9), "refuse", BAD)
    plot.text((inner, 0.1), "accept", GOOD, "end")
    if fixed:
        plot.line([(fixed, _LEAST), (fixed, top)], INK, 1.2, "5 4")
        plot.text((inner, top * 0.9), f"fixed size: {fixed}", INK, "end")
    return plot.svg()


def _whole(low: float, high: float, most: int, label: str) -> Axis:
    return Axis(low, high, {number: f"{number:g}" for number in ticks(low, high, most, whole=True)}, label)


def _describe(walk: _Walk) -> str:
    lines, failures = walk.test.lines, int(walk.failed.sum())
    return (
        f"After {len(walk.failed)} samples {failures} differ from TFLM, and the test {_DECIDED[walk.check.status]}. "
        f"It refuses from {lines.reject / UNIT:.2f} + {lines.slope / UNIT:.4f} n differences in n samples, and accepts "
        f"up to {lines.slope / UNIT:.4f} n - {lines.accept / UNIT:.2f}."
    )
