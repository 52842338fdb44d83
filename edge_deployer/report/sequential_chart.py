"""The sequential test of one board as it went: failures against samples, between the two lines that end it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from edge_deployer.acceptance.agreement import BoolArray, far_off, other_label
from edge_deployer.acceptance.check_result import CheckResult
from edge_deployer.acceptance.sequential_tests import disagreement_test
from edge_deployer.acceptance.statistics.bernoulli_test import BernoulliTest
from edge_deployer.acceptance.statistics.lines import UNIT
from edge_deployer.boards.record import BoardRecord
from edge_deployer.report import charts
from edge_deployer.report.charts import Chart
from edge_deployer.rollout.deployment import Deployment

_DECIDED = {"passed": "accepts", "failed": "refuses", "undecided": "comes to no decision"}
_ROOM = 1.06
_BELOW = -1.0
"""Fewer failures than the axis shows: the accepting area ends out of sight."""


@dataclass(frozen=True)
class _Walk:
    """The way of one board: whether each sample spoke against it, as far as the test took samples."""

    board: str
    check: CheckResult
    test: BernoulliTest
    failed: BoolArray


def sequential_chart(deployment: Deployment) -> Chart | None:
    """Draw the labels check of one staging board, or its outputs check where outputs are no classes.

    A board that refuses comes before one that is undecided, and that before one that accepts.

    Returns:
        None where no board has come so far.
    """
    walk = _choose(deployment)
    if walk is None:
        return None
    svg = charts.draw_svg(partial(_draw, walk), size=(5.4, 3.0), salt=f"sequential {walk.board}")
    return Chart(f"{walk.check.name.capitalize()} check on {walk.board}", svg, _describe(walk))


def _choose(deployment: Deployment) -> _Walk | None:
    staging = [board for board in deployment.boards if board.pool == "staging"]
    for name in ("labels", "outputs"):
        found = [(board, check) for board in staging for check in _sequential(board, name)]
        if found and deployment.reference is not None:
            order = ("failed", "undecided", "passed")
            board, check = min(found, key=lambda pair: order.index(pair[1].status))
            return _walk(board, check, deployment)
    return None


def _sequential(board: BoardRecord, name: str) -> Sequence[CheckResult]:
    checks = board.verdict.checks if board.verdict else ()
    return [check for check in checks if check.name == name and check.samples]


def _walk(board: BoardRecord, check: CheckResult, deployment: Deployment) -> _Walk:
    reference, plan = deployment.reference, deployment.plan
    assert reference is not None
    assert board.evidence is not None
    assert board.evidence.answers is not None
    outputs = board.evidence.answers.outputs.load()[: check.samples]
    if check.name == "labels":
        failed = other_label(outputs, reference, range(len(outputs)))
        return _Walk(board.name, check, disagreement_test(plan.labels, len(reference), plan), failed)
    failed = far_off(outputs, reference, range(len(outputs)), plan.outputs.tolerance)
    return _Walk(board.name, check, disagreement_test(plan.outputs, len(reference), plan), failed)


def _draw(walk: _Walk, axes: Axes) -> None:
    lines, fixed = walk.test.lines, walk.check.fixed_samples or 0
    right = max(len(walk.failed), fixed) * _ROOM
    samples = np.array([0.0, right])
    accept = (lines.slope * samples - lines.accept) / UNIT
    reject = (lines.slope * samples + lines.reject) / UNIT
    failures = np.concatenate(([0], np.cumsum(walk.failed)))
    top = max(float(reject[1]), float(failures[-1])) * _ROOM + 0.5
    axes.fill_between(samples, reject, max(top, float(reject[1])), color=charts.BAD, alpha=0.1, linewidth=0)
    axes.fill_between(samples, _BELOW, accept, color=charts.GOOD, alpha=0.14, linewidth=0)
    axes.plot(samples, reject, color=charts.BAD, linewidth=1.6)
    axes.plot(samples, accept, color=charts.GOOD, linewidth=1.6)
    axes.step(range(len(failures)), failures, where="post", color=charts.ACCENT, linewidth=2.2)
    axes.plot(len(failures) - 1, failures[-1], "o", color=charts.ACCENT, markersize=6)
    charts.dress(axes, "samples")
    axes.set_xlim(0, right)
    axes.set_ylim(-0.25, top)
    axes.set_ylabel(_what_fails(walk), color=charts.INK)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    _label(walk, axes, right, top)


def _label(walk: _Walk, axes: Axes, right: float, top: float) -> None:
    margin, fixed = right * 0.015, walk.check.fixed_samples
    inner = (fixed or right) - margin
    axes.text(margin, top * 0.94, "refuse", color=charts.BAD, va="top")
    axes.text(inner, 0.1, "accept", color=charts.GOOD, va="bottom", ha="right")
    if fixed:
        axes.axvline(fixed, color=charts.INK, linewidth=1.2, linestyle=(0, (4, 3)))
        axes.text(inner, top * 0.94, f"fixed size: {fixed}", color=charts.INK, va="top", ha="right")


def _what_fails(walk: _Walk) -> str:
    return "other classes" if walk.check.name == "labels" else "outputs off"


def _describe(walk: _Walk) -> str:
    lines, failures = walk.test.lines, int(walk.failed.sum())
    return (
        f"After {len(walk.failed)} samples {failures} differ from TFLM, and the test {_DECIDED[walk.check.status]}. "
        f"It refuses from {lines.reject / UNIT:.2f} + {lines.slope / UNIT:.4f} n differences in n samples, and accepts "
        f"up to {lines.slope / UNIT:.4f} n - {lines.accept / UNIT:.2f}."
    )
