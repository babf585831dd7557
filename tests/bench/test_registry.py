# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest

from bench.registry import Figure, figure, figures, find


def measured(**fields: object) -> Figure:
    return Figure("push.median", "s", lambda: 0.0, **fields)  # type: ignore[arg-type]


def test_a_line_has_the_value_beside_its_target_and_the_peer() -> None:
    line = measured(target=0.8, peer="Flux 2.9", peer_value=5.6).line(0.412345)
    assert line == {
        "figure": "push.median",
        "value": 0.4123,
        "unit": "s",
        "target": 0.8,
        "met": True,
        "peer": {"name": "Flux 2.9", "value": 5.6},
    }


def test_a_figure_without_target_is_only_watched() -> None:
    assert measured().line(3) == {"figure": "push.median", "value": 3.0, "unit": "s", "target": None}


@pytest.mark.parametrize(
    ("better", "value", "met"),
    [
        ("lower", 1.0, True),
        ("lower", 1.1, False),
        ("higher", 1.0, True),
        ("higher", 0.9, False),
        ("lower", math.nan, False),
    ],
)
def test_a_target_is_met_on_its_better_side(better: str, value: float, met: bool) -> None:
    assert measured(target=1.0, better=better).meets(value) is met


def test_every_figure_of_the_house_is_found() -> None:
    assert "toolchain.find_engine" in [found.name for found in figures()]
    assert [found.name for found in find(["toolchain."])] == ["toolchain.find_engine"]


def test_an_unknown_figure_gets_the_known_ones() -> None:
    with pytest.raises(
        LookupError, match=r"no figure starts with nothing; there are: .*toolchain\.find_engine"
    ):
        find(["nothing"])


def test_two_figures_of_one_name_are_refused() -> None:
    figures()
    with pytest.raises(ValueError, match=r"two figures are called toolchain\.find_engine"):
        figure("toolchain.find_engine", unit="s")(lambda: 0.0)


def test_the_command_prints_one_json_line_for_a_figure() -> None:
    command = [sys.executable, "-m", "bench", "toolchain.find_engine"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    answer = json.loads(done.stdout)
    assert answer["unit"] == "ms"
    assert answer["value"] > 0
