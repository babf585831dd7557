# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workers.watch.timers import Timers


def timers(**due: float) -> Timers[str]:
    made: Timers[str] = Timers()
    for key, at in due.items():
        made.set(key, at)
    return made


def test_what_is_due_comes_in_order_and_once() -> None:
    some = timers(late=3, early=1, later=4, same=3)
    assert list(some.pop(3)) == ["early", "late", "same"]
    assert list(some.pop(3)) == []
    assert list(some.pop(9)) == ["later"]


def test_setting_again_replaces_the_old_time() -> None:
    some = timers(a=1, b=2)
    some.set("a", 5)
    assert (list(some.pop(4)), some.at("a"), some.next()) == (["b"], 5, 5)
    some.set("a", 3)
    assert some.next() == 3
    assert list(some.pop(9)) == ["a"]


def test_setting_the_same_time_twice_rings_once() -> None:
    some = timers(a=1)
    some.set("a", 1)
    assert list(some.pop(1)) == ["a"]
    assert some.next() is None


def test_a_cancelled_key_never_comes() -> None:
    some = timers(a=1, b=2)
    some.cancel("a")
    some.cancel("never-set")
    assert (some.next(), some.at("a")) == (2, None)
    assert list(some.pop(9)) == ["b"]


def test_a_key_may_be_set_again_while_it_rings() -> None:
    some = timers(a=1)
    for key in some.pop(2):
        some.set(key, 3)
    assert (some.next(), list(some.pop(3))) == (3, ["a"])


def test_without_keys_nothing_is_next() -> None:
    assert timers().next() is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 20) | st.none()), max_size=40))
def test_timers_are_a_table_of_due_times(steps: list[tuple[str, int | None]]) -> None:
    some, model = timers(), dict[str, int]()
    for key, at in steps:
        if at is None:
            some.cancel(key)
            model.pop(key, None)
        else:
            some.set(key, at)
            model[key] = at
    assert some.next() == min(model.values(), default=None)
    now = 10
    assert sorted(some.pop(now)) == sorted(key for key, at in model.items() if at <= now)
    assert {key: some.at(key) for key in "abc"} == {
        key: model[key] if model.get(key, 0) > now else None for key in "abc"
    }
