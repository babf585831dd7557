# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from bench.curve import chart
from bench.plot import Chart, Series, ceiling

ROOT = Path(__file__).resolve().parent.parent.parent
NS = {"svg": "http://www.w3.org/2000/svg"}


def drawn(*series: Series) -> ElementTree.Element:
    return ElementTree.fromstring(Chart("<Title> & more", "N", "seconds", series).svg())  # noqa: S314


def texts(root: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in root.findall("svg:text", NS)]


@pytest.mark.parametrize(
    ("value", "round_one"),
    [
        (0.0, 1.0),
        (0.3, 0.3),
        (1.0, 1.0),
        (1.2, 1.5),
        (26.0, 30.0),
        (253.0, 300.0),
        (1000.0, 1000.0),
        (1001, 1500),
    ],
)
def test_an_axis_ends_at_the_next_round_number(value: float, round_one: float) -> None:
    assert ceiling(value) == pytest.approx(round_one)


def test_a_chart_says_what_is_drawn_in_what_unit() -> None:
    said = texts(drawn(Series("ours", "#00f", [(50, 1.5), (100, 3.25)])))
    assert {"<Title> & more", "N", "seconds", "ours", "1.5", "3.25", "0", "100", "4"} <= set(said)


def test_points_lie_where_their_values_say() -> None:
    root = drawn(Series("ours", "#00f", [(0, 0), (50, 50), (100, 100)]))
    dots = [(float(c.get("cx", 0)), float(c.get("cy", 0))) for c in root.findall("svg:circle", NS)][:3]
    (left, bottom), middle, (right, top) = dots
    assert left < right
    assert top < bottom, "more is further up"
    assert middle == pytest.approx(((left + right) / 2, (top + bottom) / 2), abs=0.1)


def test_everything_that_is_drawn_is_on_the_sheet() -> None:
    root = drawn(Series("a", "#00f", [(1000, 253)]), Series("b", "#f00", [(1, 0.1), (999, 300)], dashed=True))
    _, _, width, height = (float(part) for part in root.get("viewBox", "").split())
    for dot in root.findall("svg:circle", NS):
        assert 0 < float(dot.get("cx", -1)) < width
        assert 0 < float(dot.get("cy", -1)) < height


def test_the_chart_in_the_documentation_is_that_of_the_kept_points(tmp_path: Path) -> None:
    kept = (ROOT / "docs" / "performance.json").read_text()
    (tmp_path / "performance.json").write_text(kept)
    subprocess.run(
        [sys.executable, "-m", "bench.curve", "--draw", "--docs", str(tmp_path)], check=True, cwd=ROOT
    )
    made = (tmp_path / "performance.svg").read_text()
    assert made == (ROOT / "docs" / "performance.svg").read_text(), "run: python -m bench.curve --draw"
    assert made == chart(json.loads(kept)).svg()
