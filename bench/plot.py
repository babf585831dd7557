# SPDX-License-Identifier: Apache-2.0
"""A small line chart as SVG: points with labels, linear axes from zero, a legend that names each source."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 760, 470
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 32, 124, 52
_TICKS = 5
_FONT = "font-family='system-ui, Helvetica, Arial, DejaVu Sans, sans-serif'"
_INK, _GREY, _GRID = "#1f2328", "#59636e", "#d8dee4"


@dataclass(frozen=True)
class Series:
    """A line: its name in the legend, its colour, and its points from left to right.

    The points' values stand above them, or `left` of them, where two series would write over each other.
    """

    name: str
    colour: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False
    left: bool = False


@dataclass(frozen=True)
class Chart:
    """What is drawn; the axes' names say the units too."""

    title: str
    across: str
    up: str
    series: Sequence[Series]

    def svg(self) -> str:
        """Draw it."""
        points = [point for series in self.series for point in series.points]
        plane = _Plane(ceiling(max(x for x, _ in points)), ceiling(max(y for _, y in points)))
        parts = [
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img' {_FONT}>",
            f"<title>{escape(self.title)}</title>",
            f"<rect width='{_WIDTH}' height='{_HEIGHT}' fill='#ffffff'/>",
            _text(_LEFT, 26, self.title, size=16, colour=_INK, weight="600"),
            *plane.axes(self.across, self.up),
            *(part for place, series in enumerate(self.series) for part in plane.line(series, place)),
            "</svg>",
        ]
        return "\n".join(parts) + "\n"


@dataclass(frozen=True)
class _Plane:
    """The drawing area, from zero to the largest values."""

    right: float
    top: float

    def at(self, x: float, y: float) -> tuple[float, float]:
        width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
        return _LEFT + width * x / self.right, _HEIGHT - _BOTTOM - height * y / self.top

    def axes(self, across: str, up: str) -> list[str]:
        parts = []
        for number in range(_TICKS + 1):
            x, y = self.right * number / _TICKS, self.top * number / _TICKS
            left, level = self.at(0, y)
            edge, _ = self.at(self.right, y)
            colour = _GREY if number == 0 else _GRID
            parts.append(f"<path d='M{left:.1f} {level:.1f}H{edge:.1f}' stroke='{colour}'/>")
            parts.append(_text(left - 8, level + 4, f"{y:g}", anchor="end"))
            place, bottom = self.at(x, 0)
            parts.append(_text(place, bottom + 18, f"{x:,.0f}".replace(",", "\u202f"), anchor="middle"))
        middle, _ = self.at(self.right / 2, 0)
        parts.append(_text(middle, _HEIGHT - 12, across, anchor="middle"))
        parts.append(_text(_LEFT, _TOP - 14, up))
        return parts

    def line(self, series: Series, place: int) -> list[str]:
        """Draw a series, its values beside its points, and its row of the legend."""
        spots = [self.at(x, y) for x, y in series.points]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in spots)
        dash = " stroke-dasharray='5 4'" if series.dashed else ""
        stroke = f"stroke='{series.colour}' stroke-width='2'"
        parts = [f"<path d='M{path}' fill='none' {stroke}{dash}/>"] if len(spots) > 1 else []
        parts += [f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3.5' fill='{series.colour}'/>" for x, y in spots]
        dx, dy, anchor = (-9, 4, "end") if series.left else (0, -9, "middle")
        parts += [
            _text(x + dx, y + dy, f"{value:.3g}", anchor=anchor, colour=series.colour)
            for (x, y), (_, value) in zip(spots, series.points, strict=True)
        ]
        return [*parts, *_legend(series, place, stroke, dash)]


def ceiling(value: float) -> float:
    """Return the next number above that divides into five round steps."""
    if value <= 0:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(value))
    return next(step * unit for step in (1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10) if step * unit >= value)


def _legend(series: Series, place: int, stroke: str, dash: str) -> list[str]:
    x, y = _LEFT, 46 + 17 * place
    return [
        f"<path d='M{x} {y}h20' {stroke}{dash}/>",
        f"<circle cx='{x + 10}' cy='{y}' r='3.5' fill='{series.colour}'/>",
        _text(x + 28, y + 4, series.name, colour=_INK),
    ]


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = 12,
    anchor: str = "start",
    colour: str = _GREY,
    weight: str = "400",
) -> str:
    style = f"font-size='{size}' text-anchor='{anchor}' fill='{colour}' font-weight='{weight}'"
    return f"<text x='{x:.1f}' y='{y:.1f}' {style}>{escape(text)}</text>"
