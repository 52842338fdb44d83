"""The curves of a training, and the answers of a regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite

from markupsafe import Markup

from edge_deployer.acceptance.reference import Reference
from edge_deployer.report.facts import Epoch
from edge_deployer.report.formats import NARROW_SPACE
from edge_deployer.report.plot import ACCENT, INK, Axis, Plot, ticks
from edge_deployer.tensors import dequantize

_DOTS_UP_TO = 12
"""Epochs of which each is marked."""

_DOTS_OF_SCATTER = 400
"""More would hide each other, and make the page heavy."""


@dataclass(frozen=True)
class Chart:
    """One drawing."""

    title: str  # What it shows, in a few words.
    svg: Markup  # The ``<svg>`` element; it refers to nothing outside itself.
    description: str  # The same in words, for those who cannot see it.


def training_charts(epochs: Sequence[Epoch]) -> list[Chart]:
    """Loss and, where there is one, accuracy over the epochs; figures that are not finite leave a gap."""
    loss = _curve("Loss", [epoch.loss for epoch in epochs], [epoch.eval_loss for epoch in epochs], percent=False)
    train = [epoch.accuracy for epoch in epochs if epoch.accuracy is not None]
    held_out = [epoch.eval_accuracy for epoch in epochs if epoch.eval_accuracy is not None]
    return [loss, _curve("Accuracy", train, held_out, percent=True)] if train and held_out else [loss]


def scatter_chart(reference: Reference | None) -> Chart | None:
    """TFLM's answers of a regression over what is true, a dot a value; None where there are no such answers."""
    if reference is None or reference.metric != "mae" or reference.outputs is None or reference.targets is None:
        return None
    targets = reference.targets.load().ravel()
    answers = dequantize(reference.outputs.load().ravel(), reference.output)
    points = list(zip(targets.tolist(), answers.tolist(), strict=True))
    axis = _scale([value for point in points for value in point], percent=False, zero=False)
    plot = Plot(331, 331, replace(axis, label="true value"), replace(axis, label="answer"))
    plot.line([(axis.low, axis.low), (axis.high, axis.high)], INK, 1, "6 3")
    plot.dots(points[:_DOTS_OF_SCATTER], ACCENT, 1.8)
    shown = len(points[:_DOTS_OF_SCATTER])
    description = (
        f"TFLM's answers over the true values, {shown} of {len(points)} of the acceptance set; on the dashed line both "
        f"are equal. True values from {targets.min():.3g} to {targets.max():.3g}, answers from {answers.min():.3g} to "
        f"{answers.max():.3g}."
    )
    return Chart("Answer over true value", plot.svg(), description)


def _curve(title: str, train: Sequence[float], evaluation: Sequence[float], *, percent: bool) -> Chart:
    epochs = len(train)
    room = 0.02 * (epochs - 1) or 0.5
    numbers = {number: f"{number:g}" for number in ticks(1, epochs, 6, whole=True)}
    across, up = Axis(1 - room, epochs + room, numbers, "epoch"), _scale([*train, *evaluation], percent=percent)
    plot = Plot(331, 194, across, up)
    for curve, colour, width, dashes in ((train, INK, 1.4, "6 3"), (evaluation, ACCENT, 1.9, "none")):
        points = list(enumerate(curve, 1))
        plot.line(points, colour, width, dashes)
        plot.dots(points if epochs <= _DOTS_UP_TO else [], colour, width)
    form = "{:.1%}" if percent else "{:.3g}"
    description = (
        f"{title} over {epochs} epochs: train from {form.format(train[0])} to {form.format(train[-1])}, "
        f"eval from {form.format(evaluation[0])} to {form.format(evaluation[-1])}."
    )
    return Chart(title, plot.svg(), description)


def _scale(figures: Sequence[float], *, percent: bool, zero: bool = True) -> Axis:
    """The axis with all finite figures, and with 0 where they are no shares and it is wanted; a twentieth more."""
    shown = [figure for figure in figures if isfinite(figure)] or [0.0, 1.0]
    low, high = min(shown), max(shown)
    room = 0.05 * (high - low) or 0.05 * abs(high) or 0.05
    low, high = low - room if percent or not zero else min(0.0, low - room), high + room
    form = f"{{:.4g}}{NARROW_SPACE}%" if percent else "{:.4g}"
    return Axis(low, high, {tick: form.format(tick * 100 if percent else tick) for tick in ticks(low, high, 5)})
