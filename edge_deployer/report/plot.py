"""A plot as an ``<svg>`` element inside the page: no reference, no id, coloured by the page's CSS variables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

from markupsafe import Markup

INK, GRID, ACCENT, GOOD, BAD = (f"var(--{name})" for name in ("muted", "line", "accent", "good", "bad"))

Point = tuple[float, float]

_EDGE, _FOOT, _LABEL = 8, 36, 18
_FIGURE = 6.4
"""Room for a figure of the font size 10, whatever the reader's font."""


@dataclass(frozen=True)
class Axis:
    """One direction of a plot: its ends in the unit of what is drawn, what is written at which value, its name."""

    low: float
    high: float
    ticks: dict[float, str]
    label: str = ""


class Plot:
    """A plane with its two axes, drawn on in their units; what comes later lies on top."""

    def __init__(self, width: int, height: int, x: Axis, y: Axis) -> None:
        self._x, self._y, self._width, self._height = x, y, width, height
        self._left = round(_EDGE + max(map(len, y.ticks.values())) * _FIGURE) + (_LABEL if y.label else 0)
        self._elements: list[Markup] = []
        for value, words in y.ticks.items():
            self._add('<path d="M{} {}H{}" stroke="{}"/>', self._left, self._at(0, value)[1], width - _EDGE, GRID)
            self._write(self._left - 6, self._at(0, value)[1] + 3.5, words, INK, "end")
        self._add('<path d="M{} {}H{}" stroke="{}"/>', self._left, height - _FOOT, width - _EDGE, GRID)
        for value, words in x.ticks.items():
            self._write(self._at(value, 0)[0], height - _FOOT + 16, words, INK, "middle")
        self._write((self._left + width - _EDGE) / 2, height - 5, x.label, INK, "middle")
        if y.label:
            place = f"translate(11 {(height - _FOOT + _EDGE) / 2:g}) rotate(-90)"
            self._add('<text transform="{}" fill="{}" text-anchor="middle">{}</text>', place, INK, y.label)

    def svg(self) -> Markup:
        """The element; the same text for the same drawing."""
        element = '<svg viewBox="0 0 {} {}" font-size="10" aria-hidden="true" focusable="false">{}</svg>'
        return Markup(element).format(self._width, self._height, Markup().join(self._elements))

    def line(self, points: Iterable[Point], colour: str, width: float, dashes: str = "none") -> None:
        """A line through the points; one that is not finite leaves a gap."""
        path, pen = "", "M"
        for point in points:
            there = all(map(isfinite, point))
            path += "{}{} {}".format(pen, *self._at(*point)) if there else ""
            pen = "L" if there else "M"
        element = '<path d="{}" fill="none" stroke="{}" stroke-width="{}" stroke-dasharray="{}"/>'
        self._add(element, path, colour, width, dashes)

    def area(self, corners: Iterable[Point], colour: str) -> None:
        """A faint area between corners."""
        path = "L".join("{} {}".format(*self._at(*corner)) for corner in corners)
        self._add('<path d="M{}Z" fill="{}" fill-opacity=".12"/>', path, colour)

    def dots(self, points: Iterable[Point], colour: str, radius: float) -> None:
        """A dot on each point that is finite."""
        for point in points:
            if all(map(isfinite, point)):
                self._add('<circle cx="{}" cy="{}" r="{}" fill="{}"/>', *self._at(*point), radius, colour)

    def text(self, point: Point, words: str, colour: str, anchor: str = "start") -> None:
        """Words whose base line begins, or with the anchor "end" ends, at a point."""
        self._write(*self._at(*point), words, colour, anchor)

    def _at(self, x: float, y: float) -> Point:
        """Where a point lies on the paper, which begins at the upper left."""
        right = (x - self._x.low) / (self._x.high - self._x.low)
        up = (y - self._y.low) / (self._y.high - self._y.low)
        width, height = self._width - _EDGE - self._left, self._height - _FOOT - _EDGE
        return round(self._left + right * width, 1), round(_EDGE + (1 - up) * height, 1)

    def _write(self, x: float, y: float, words: str, colour: str, anchor: str) -> None:
        self._add('<text x="{}" y="{}" fill="{}" text-anchor="{}">{}</text>', x, y, colour, anchor, words)

    def _add(self, element: str, *values: object) -> None:
        self._elements.append(Markup(element).format(*values))


def ticks(low: float, high: float, most: int, *, whole: bool = False) -> list[float]:
    """The round numbers from `low` to `high`, at most so many steps apart; whole numbers alone where that is asked for.

    A step is 1, 2, 2.5 or 5 times a power of ten.
    """
    least = max((high - low) / most, 1 if whole else 0)
    power = 10.0 ** floor(log10(least))
    factors = (1, 2, 5, 10) if whole else (1, 2, 2.5, 5, 10)
    # Rounding takes a hair off a step, and off the last number; a hair of the axis, which may be shorter than a step.
    step = next(factor * power for factor in factors if factor * power >= least * (1 - 1e-9))
    hair = 1e-9 * min(1, (high - low) / step)
    numbers = range(ceil(low / step - hair), floor(high / step + hair) + 1)
    return [float(f"{number * step:.12g}") for number in numbers]
