"""A small picture of a slice as SVG: the value and its derivative along one number. Text and classes only, no style of its own.

Knows nothing of functions; what is infinite or no number breaks the line.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from markupsafe import Markup, escape

from ..slices import Slice

WIDTH, HEIGHT = 440, 260
LEFT, RIGHT, TOP, BOTTOM = 58, 10, 12, 30
MOST = 10
"""What is farther from 0 than so many times the median value is cut off at the frame, so that a pole does not flatten everything else."""


NEAR = 0.3
"""Pixels by which a curve may be off to save bytes."""


def plot(name: str, slice_: Slice) -> Markup:
    """One `<svg>` element: value solid, derivative dashed, the axes through 0 where they are inside, numbers at the ends."""
    seen = [y for _, value, slope in slice_.points for y in (value, slope) if math.isfinite(y)]
    sizes = [abs(value) for _, value, _ in slice_.points if math.isfinite(value) and value]
    most = MOST * median(sizes) if sizes else 1.0
    low, high = max(min([*seen, 0.0]), -most), min(max([*seen, 0.0]), most)
    if low == high:
        low, high = low - 1, high + 1
    left, right = slice_.points[0][0], slice_.points[-1][0]

    def place(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (x - left) / (right - left) * (WIDTH - LEFT - RIGHT)
        down = TOP + (high - y) / (high - low) * (HEIGHT - TOP - BOTTOM)
        return round(across, 1), round(down, 1)

    def curve(index: int, kind: str) -> Markup:
        runs = _runs([(p[0], p[index]) for p in slice_.points], low, high)
        path = "".join(
            f"{'M' if n == 0 else 'L'}{x:g} {y:g}"
            for run in runs
            for n, (x, y) in enumerate(_bends([place(x, y) for x, y in run]))
        )
        return Markup('<path class="{}" d="{}"/>').format(kind, path)

    zero = place(left, 0.0)[1]
    parts = [
        Markup('<path class="axis-line" d="M{} {}H{}"/>').format(LEFT, zero, WIDTH - RIGHT),
        Markup('<path class="axis-line" d="M{} {}V{}"/>').format(LEFT, TOP, HEIGHT - BOTTOM),
        curve(2, "slope"),
        curve(1, "value"),
        *(
            Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(LEFT - 6, round(place(left, y)[1] + 5), _short(y))
            for y in _apart([high, low, 0.0], (high - low) / 8)
        ),
        Markup('<text x="{}" y="{}">{}</text>').format(LEFT, HEIGHT - 8, _short(left)),
        Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(WIDTH - RIGHT, HEIGHT - 8, _short(right)),
        Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, slice_.moves),
    ]  # fmt: skip
    label = escape(f"{name} against {slice_.moves}, and its derivative")
    head = Markup('<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDTH, HEIGHT, label)
    return head + Markup("").join(parts) + Markup("</svg>")


def _runs(points: Sequence[tuple[float, float]], low: float, high: float) -> list[list[tuple[float, float]]]:
    """The stretches of a curve that have numbers; beyond the frame it is held at the frame's edge, once."""
    runs: list[list[tuple[float, float]]] = [[]]
    for n, (x, y) in enumerate(points):
        outside = not low <= y <= high
        near = [points[m][1] for m in (n - 1, n + 1) if 0 <= m < len(points)]
        if math.isnan(y) or (outside and not any(low <= other <= high for other in near)):
            runs.append([])
        else:
            runs[-1].append((x, min(max(y, low), high)))
    return [run for run in runs if len(run) > 1]


def _bends(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points without those that lie on the line between others, to a third of a pixel (Douglas and Peucker's way)."""
    (ax, ay), (bx, by) = points[0], points[-1]
    away = [abs(ay + (by - ay) * (x - ax) / (bx - ax) - y) for x, y in points[1:-1]]
    if not away or max(away) <= NEAR:
        return [points[0], points[-1]]
    farthest = 1 + away.index(max(away))
    return [*_bends(points[: farthest + 1])[:-1], *_bends(points[farthest:])]


def _apart(numbers: Sequence[float], least: float) -> list[float]:
    """Those that have room beside the ones before them."""
    kept: list[float] = []
    for number in numbers:
        if all(abs(number - other) >= least for other in kept):
            kept.append(number)
    return kept


def _short(number: float) -> str:
    return f"{number:.2g}".replace("-", "−")
