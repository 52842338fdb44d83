"""Draws what the template `image` learns: `python render.py [FOLDER]` writes PNGs, `pictures` beside it by default.

Each picture shows one shape of any size, place, angle and colour before a ground of another colour, under uneven light
and with noise. The same numbers are drawn each time.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

PICTURES: Final = 750
"""Of each shape."""
SIDE: Final = 48
"""Pixels."""
FINE: Final = 8
"""Parts of a pixel that edges are drawn with."""
LEAST_CONTRAST: Final = 100.0
"""Between the colours of shape and ground, of 255 for each of red, green and blue: the distance in space."""

Array = NDArray[Any]


def corners(count: int) -> Array:
    """Corners of a regular polygon about the origin, float64 (count, 2), at a distance of 1."""
    angles = np.arange(count) * 2 * np.pi / count
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def cross() -> Array:
    """Corners of a cross as wide as the others, with arms three fifths as wide as long."""
    arm = np.array([(1, -0.3), (1, 0.3), (0.3, 0.3)])
    quarter = np.array([(0, 1), (-1, 0)])
    return np.concatenate([arm @ np.linalg.matrix_power(quarter, turns) for turns in range(4)])


SHAPES: Final[Mapping[str, Array]] = {
    "circle": corners(60),
    "cross": cross(),
    "square": corners(4),
    "triangle": corners(3),
}
"""Outline of each class, named as in the project file."""


def covered(outline: Array, rng: np.random.Generator) -> Array:
    """How much of each pixel a shape covers, drawn somewhere and somehow: float64 (side, side, 1), from 0 to 1."""
    radius = rng.uniform(10, 20)
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
    points = outline @ turn * radius + rng.uniform(radius, SIDE - radius, 2)
    drawn = Image.new("L", (SIDE * FINE, SIDE * FINE))
    ImageDraw.Draw(drawn).polygon([(x * FINE, y * FINE) for x, y in points.tolist()], fill=255)
    share: Array = np.asarray(drawn.resize((SIDE, SIDE), Image.Resampling.BOX))[..., np.newaxis] / 255
    return share


def colours(rng: np.random.Generator) -> tuple[Array, Array]:
    """Of shape and ground: float64 (3,), red, green and blue."""
    while True:
        shape, ground = rng.uniform(30, 225, (2, 3))
        if np.linalg.norm(shape - ground) >= LEAST_CONTRAST:
            return shape, ground


def light(rng: np.random.Generator) -> Array:
    """What light from one side adds or takes: float64 (side, side, 1)."""
    across, down = rng.uniform(-30, 30, 2)
    place = np.linspace(-0.5, 0.5, SIDE)
    added: Array = across * place[np.newaxis] + down * place[:, np.newaxis]
    return added[..., np.newaxis]


def picture(outline: Array, rng: np.random.Generator) -> Image.Image:
    """One picture of a shape."""
    shape, ground = colours(rng)
    share = covered(outline, rng)
    noise = rng.normal(0, rng.uniform(2, 12), (SIDE, SIDE, 3))
    values = share * shape + (1 - share) * ground + light(rng) + noise
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def render(folder: Path, count: int = PICTURES) -> None:
    """Write pictures, a folder for each shape.

    Args:
        folder: made where it is missing.
        count: of each shape.
    """
    rng = np.random.default_rng(0)
    for name, outline in SHAPES.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            picture(outline, rng).save(folder / name / f"{number:04}.png")


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("pictures")
    render(chosen)
    sys.stdout.write(f"{PICTURES} pictures each of {', '.join(SHAPES)} in {chosen}\n")
