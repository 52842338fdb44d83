"""A stroke as a picture: the way of a point, drawn with integers."""

from __future__ import annotations

from typing import Final

import numpy as np

from edge_deployer.tensors import Array

FINEST: Final = 4096
"""Steps of the longer side of a stroke whose points are real numbers."""
_PART: Final = 16
"""Parts of a pixel."""


def whole_points(points: Array, resolution: float | None) -> Array:
    """Points as integers, int64, shape ``(points, 2)``.

    Args:
        points: real numbers, x and y.
        resolution: the unit's part that is a step of the sensor; None for a `FINEST`-th of the stroke's longer side.
    """
    if resolution is None:
        resolution = float(np.ptp(points, axis=0).max()) / FINEST or 1.0
        points = points - points.min(axis=0)
    steps: Array = np.floor(points / resolution + 0.5).astype(np.int64)
    return steps


def rasterised(points: Array, size: int) -> Array:
    """A stroke, as large as a margin of a pixel allows, in the middle of a picture; x to the right, y upwards.

    From point to point it is drawn in steps of half a pixel at most. Each adds what it covers of the four pixels around
    it, and a pixel keeps the most. In C, with nothing beyond int32 for int16 points and a size of 256 at most::

        static void rasterise(const int16_t (*points)[2], int32_t count, int32_t size, uint8_t *picture)
        {
            int32_t low[2], high[2], from[2], to[2];
            for (int axis = 0; axis < 2; axis++) {
                low[axis] = high[axis] = points[0][axis];
                for (int32_t i = 1; i < count; i++) {
                    if (points[i][axis] < low[axis]) low[axis] = points[i][axis];
                    if (points[i][axis] > high[axis]) high[axis] = points[i][axis];
                }
            }
            int32_t span = 1;
            for (int axis = 0; axis < 2; axis++)
                if (high[axis] - low[axis] > span) span = high[axis] - low[axis];
            for (int32_t i = 0; i < size * size; i++) picture[i] = 0;
            for (int32_t i = 0; i < count; i++) {
                int32_t longest = 1;
                for (int axis = 0; axis < 2; axis++) {
                    int32_t twice = 2 * (points[i][axis] - low[axis]) + span - (high[axis] - low[axis]);
                    from[axis] = i ? to[axis] : 16 + twice * (size - 3) * 16 / (2 * span);
                    to[axis] = 16 + twice * (size - 3) * 16 / (2 * span);
                    int32_t way = to[axis] > from[axis] ? to[axis] - from[axis] : from[axis] - to[axis];
                    if (way > longest) longest = way;
                }
                int32_t steps = (longest + 7) / 8;
                for (int32_t step = 0; step <= steps; step++) {
                    int32_t x = (from[0] * (steps - step) + to[0] * step) / steps;
                    int32_t y = (from[1] * (steps - step) + to[1] * step) / steps;
                    for (int32_t corner = 0; corner < 4; corner++) {
                        int32_t right = corner & 1, up = corner >> 1;
                        int32_t covered = (right ? x % 16 : 16 - x % 16) * (up ? y % 16 : 16 - y % 16);
                        uint8_t *pixel = picture + (size - 1 - y / 16 - up) * size + x / 16 + right;
                        if (covered > 255) covered = 255;
                        if (covered > *pixel) *pixel = (uint8_t)covered;
                    }
                }
            }
        }

    Args:
        points: integers within int16, or whose range is at most 65535; shape ``(points, 2)``, one at least.
        size: of the picture, 4 to 256 pixels.

    Returns:
        uint8, shape ``(size, size, 1)``.
    """
    places = _places(points.astype(np.int64), size)
    way = _way(places)
    whole, part = way // _PART, way % _PART
    picture = np.zeros((size, size), np.uint8)
    for corner in range(4):
        right, up = corner & 1, corner >> 1
        covers = np.where([right, up], part, _PART - part).prod(axis=1)
        at = size - 1 - whole[:, 1] - up, whole[:, 0] + right
        np.maximum.at(picture, at, np.minimum(covers, 255).astype(np.uint8))
    return picture[..., None]


def _places(points: Array, size: int) -> Array:
    """Where points lie in the picture, in parts of a pixel from its lower left."""
    low, sides = points.min(axis=0), np.ptp(points, axis=0)
    span = max(1, int(sides.max()))
    places: Array = _PART + (2 * (points - low) + span - sides) * (size - 3) * _PART // (2 * span)
    return places


def _way(places: Array) -> Array:
    """All that is drawn, from the first point to the last."""
    begins, ends = np.concatenate([places[:1], places[:-1]]), places
    steps = (np.maximum(1, abs(ends - begins).max(axis=1)) + _PART // 2 - 1) // (_PART // 2)
    segment = np.repeat(np.arange(len(places)), steps + 1)
    firsts = np.cumsum(steps + 1) - (steps + 1)
    step = (np.arange(len(segment)) - firsts[segment])[:, None]
    of = steps[segment, None]
    way: Array = (begins[segment] * (of - step) + ends[segment] * step) // of
    return way
