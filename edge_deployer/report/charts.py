"""Charts as SVG that lives inside the page: drawn by matplotlib, coloured by the page's CSS variables."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from edge_deployer.report.facts import Epoch
from edge_deployer.report.formats import NARROW_SPACE

# Colours that nothing else uses stand for CSS variables, so that one drawing serves the light and the dark page.
INK, GRID, MUTED, ACCENT, GOOD, BAD = (f"#0102{number:02x}" for number in range(3, 9))
_VARIABLES = {
    INK: "var(--muted)",
    GRID: "var(--line)",
    MUTED: "var(--muted)",
    ACCENT: "var(--accent)",
    GOOD: "var(--good)",
    BAD: "var(--bad)",
}

_STYLE = {"svg.fonttype": "none", "font.sans-serif": ["DejaVu Sans"], "font.size": 10.0, "axes.linewidth": 0.8}
_DROPPED_TAGS = frozenset({"metadata", "style"})
_SINGLE_POINTS_UP_TO = 12


@dataclass(frozen=True)
class Chart:
    """One drawing.

    Attributes:
        title: what it shows, in a few words.
        svg: the ``<svg>`` element; it refers to nothing outside itself.
        description: the same in words, for those who cannot see it.
    """

    title: str
    svg: Markup
    description: str


def training_charts(epochs: Sequence[Epoch]) -> list[Chart]:
    """Loss and accuracy over the epochs, on the train and on the eval split.

    Args:
        epochs: at least one; figures that are not finite leave a gap.
    """
    accuracy, eval_accuracy = [epoch.accuracy for epoch in epochs], [epoch.eval_accuracy for epoch in epochs]
    return [
        _curve("Loss", [epoch.loss for epoch in epochs], [epoch.eval_loss for epoch in epochs], percent=False),
        _curve("Accuracy", accuracy, eval_accuracy, percent=True),
    ]


def draw_svg(draw: Callable[[Axes], None], *, size: tuple[float, float], salt: str) -> Markup:
    """An ``<svg>`` element in the page's style.

    Args:
        draw: what is drawn; in `INK`, `GRID` and the other colours of this module, which become those of the page.
        size: width and height in inches.
        salt: makes the ids in the element its own; the same drawing with the same salt is the same text.
    """
    style: dict[Any, Any] = {**_STYLE, "svg.hashsalt": salt}
    with matplotlib.rc_context(style):
        figure, document = Figure(figsize=size, layout="constrained"), io.StringIO()
        draw(figure.add_subplot())
        figure.savefig(document, format="svg", transparent=True, metadata={"Date": None})
    return inline_svg(document.getvalue())


def dress(axes: Axes, label: str) -> None:
    """Thin lines, whole numbers along the x axis, and what they count."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, length=0, pad=6)
    axes.set_xlabel(label, color=INK)
    axes.margins(x=0.02)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))


def _curve(title: str, train: Sequence[float], evaluation: Sequence[float], *, percent: bool) -> Chart:
    def draw(axes: Axes) -> None:
        numbers = range(1, len(train) + 1)
        marker = "o" if len(train) <= _SINGLE_POINTS_UP_TO else ""
        axes.plot(numbers, train, color=MUTED, linewidth=1.4, linestyle=(0, (4, 2)), marker=marker, markersize=3)
        axes.plot(numbers, evaluation, color=ACCENT, linewidth=1.9, marker=marker, markersize=3.5)
        dress(axes, "epoch")
        _scale(axes, percent=percent)

    form = "{:.1%}" if percent else "{:.3g}"
    description = (
        f"{title} over {len(train)} epochs: train from {form.format(train[0])} to {form.format(train[-1])}, "
        f"eval from {form.format(evaluation[0])} to {form.format(evaluation[-1])}."
    )
    return Chart(title, draw_svg(draw, size=(4.6, 2.7), salt=title), description)


def _scale(axes: Axes, *, percent: bool) -> None:
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    if percent:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:.4g}{NARROW_SPACE}%"))
    else:
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))


def inline_svg(document: str) -> Markup:
    """An SVG file of matplotlib as an element for an HTML page.

    Name spaces and metadata go (HTML needs none, and they hold addresses), the page's style sheet gives size and font,
    and placeholder colours become CSS variables.
    """
    root = ElementTree.fromstring(document)
    for element in list(root.iter()):
        for child in list(element):
            if _local(child.tag) in _DROPPED_TAGS:
                element.remove(child)
    for element in root.iter():
        element.tag = _local(element.tag)
        if element.tag in ("g", "svg"):
            element.attrib.pop("id", None)
        element.attrib = {_local(name): _restyle(value) for name, value in element.attrib.items()}
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("aria-hidden", "true")
    root.set("focusable", "false")
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _restyle(value: str) -> str:
    for colour, variable in _VARIABLES.items():
        value = value.replace(colour, variable)
    return value
