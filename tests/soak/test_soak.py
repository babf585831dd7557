# SPDX-License-Identifier: Apache-2.0
"""One minute of `make soak`, on a world of its own, and tables for what judges it."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.fixtures.world import World, standing
from tests.soak.flushed import flushed
from tests.soak.memory import Memory, slope
from tests.soak.run import Soak
from tests.soak.verdict import differences


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A Fairway that may be struck: nobody else's tests run on it."""
    with standing(tmp_path_factory.mktemp("soak")) as own:
        yield own


@pytest.mark.timeout(400)
def test_a_minute_of_soak_ends_with_the_cluster_equal_to_git(world: World) -> None:
    seed = random.randrange(1_000_000)
    soak = Soak(world, seed, 60.0)
    soak.run()
    assert not soak.wrong, f"{soak.summary()}\npython -m tests.soak --minutes 1 --seed {seed} repeats it"
    assert len(soak.done) >= 10  # each kind of deed was there


@pytest.mark.timeout(300)
def test_a_redis_that_is_flushed_every_second_loses_no_kustomization(world: World) -> None:
    assert flushed(world, 50, 6.0) == []


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([], 0.0),
        ([(1.0, 5.0)], 0.0),
        ([(1.0, 5.0), (1.0, 9.0)], 0.0),
        ([(0.0, 1.0), (2.0, 5.0)], 2.0),
        ([(0.0, 10.0), (1.0, 12.0), (2.0, 8.0), (3.0, 10.0)], -0.4),
    ],
)
def test_the_slope_is_that_of_the_least_squares(points: list[tuple[float, float]], expected: float) -> None:
    assert slope(points) == pytest.approx(expected)


def test_growth_is_that_of_the_second_half_alone() -> None:
    rising = [(float(at), 10.0 * at) for at in range(5)]
    flat = [(float(at), 50.0) for at in range(5, 11)]
    memory = Memory(points={"worker": rising + flat, "watch": [(float(at), 2.0 * at) for at in range(11)]})
    assert memory.growth(5.0) == pytest.approx({"worker": 0.0, "watch": 10.0})


@pytest.mark.parametrize(
    ("wanted", "live", "said"),
    [
        ({"data": {"value": "1"}}, {"data": {"value": "1"}, "kind": "ConfigMap"}, []),
        ({"data": {"value": "1"}}, {"data": {"value": "2"}}, ["has data.value='2', not '1'"]),
        ({"data": {"value": "1"}}, {}, ["has data=None, not {'value': '1'}"]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}]}, []),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1}, {"b": 2}]}, ["has a=[{'b': 1}, {'b': 2}], not [{'b': 1}]"]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 3}]}, ["has a[0].b=3, not 1"]),
    ],
)
def test_a_live_object_may_have_more_than_git_says_but_nothing_else(
    wanted: object, live: object, said: list[str]
) -> None:
    assert differences(wanted, live) == said
