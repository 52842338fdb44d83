"""The curves of a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from markupsafe import Markup

from edge_deployer.report.facts import Epoch
from edge_deployer.report.formats import NARROW_SPACE
from edge_deployer.report.plot import ACCENT, INK, Axis, Plot, ticks

_DOTS_UP_TO = 12
"""Epochs of which each is marked."""


@dataclass(frozen=True)
class Chart:
    """One drawing."""

    title: str  # What it shows, in a few words.
    svg: Markup  # The ``<svg>`` element; it refers to nothing outside itself.
    description: str  # The same in words, for those who cannot see it.


def training_charts(epochs: Sequence[Epoch]) -> list[Chart]:
    """Loss and accuracy over one epoch or more, on train and eval split; figures that are not finite leave a gap."""
    accuracy, eval_accuracy = [epoch.accuracy for epoch in epochs], [epoch.eval_accuracy for epoch in epochs]
    return [
        _curve("Loss", [epoch.loss for epoch in epochs], [epoch.eval_loss for epoch in epochs], percent=False),
        _curve("Accuracy", accuracy, eval_accuracy, percent=True),
    ]


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


def _scale(figures: Sequence[float], *, percent: bool) -> Axis:
    """The axis with all finite figures, and with 0 where they are no shares; a twentieth more at each end."""
    shown = [figure for figure in figures if isfinite(figure)] or [0.0, 1.0]
    low, high = min(shown), max(shown)
    room = 0.05 * (high - low) or 0.05 * abs(high) or 0.05
    low, high = low - room if percent else min(0.0, low - room), high + room
    form = f"{{:.4g}}{NARROW_SPACE}%" if percent else "{:.4g}"
    return Axis(low, high, {tick: form.format(tick * 100 if percent else tick) for tick in ticks(low, high, 5)})
