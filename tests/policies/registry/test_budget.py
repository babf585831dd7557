# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.registry.budget import Account, LoginAccount, Refusal, half_spent, load
from policies.registry.rates import Allowance

NOW = 1_790_000_000.0
HUB = Allowance(100, 50, 21600)


def taken(account: Account, now: float, *, times: int = 1, a_minute: int = 10, pulls: int = 0) -> Account:
    for _ in range(times):
        after = account.take("ada", pulls, now, a_minute=a_minute)
        assert isinstance(after, Account), after
        account = after
    return account


def refused(account: Account, now: float, *, a_minute: int = 10, pulls: int = 0) -> Refusal:
    after = account.take("ada", pulls, now, a_minute=a_minute)
    assert isinstance(after, Refusal), after
    return after


def test_a_minute_holds_so_many_whoever_asks() -> None:
    spent = taken(Account(), NOW, times=10)
    assert refused(spent, NOW + 59).retry_at == NOW + 61
    assert "it was asked 10 times in a minute" in refused(spent, NOW).reason
    assert isinstance(taken(spent, NOW + 61, times=10), Account)


def test_what_was_taken_by_a_clock_that_was_ahead_counts_as_now() -> None:
    spent = taken(Account(), NOW + 3600, times=10)
    assert refused(spent, NOW).retry_at == NOW + 61


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 5)), max_size=60))
def test_no_minute_ever_holds_more(steps: list[tuple[float, int]]) -> None:
    account, now, granted = Account(), NOW, []
    for wait, times in steps:
        now += wait
        for _ in range(times):
            after = account.take("ada", 0, now, a_minute=7)
            if isinstance(after, Account):
                account = after
                granted.append(now)
            else:
                assert after.retry_at > now
    assert all(sum(start <= one < start + 60 for one in granted) <= 7 for start in granted)


def test_pulls_that_are_left_are_counted_down_to_a_fifth() -> None:
    heard = Account().heard("ada", replace(HUB, remaining=22), NOW)
    two = taken(heard, NOW, times=2, pulls=1)
    assert refused(two, NOW, pulls=1).retry_at == NOW + 216
    assert taken(two, NOW, pulls=0).logins == two.logins
    assert "20 of 100 pulls are left" in refused(two, NOW, pulls=1).reason


def test_a_reset_that_was_named_is_when_pulls_are_back() -> None:
    heard = Account().heard("ada", Allowance(100, 0, reset=NOW + 500), NOW)
    assert refused(heard, NOW, pulls=1).retry_at == NOW + 500
    taken(heard, NOW + 500, pulls=1)


def test_one_login_that_is_refused_is_not_another() -> None:
    account = Account().refused("ada", NOW + 100, NOW)
    assert refused(account, NOW).retry_at == NOW + 100
    assert isinstance(account.take("bob", 0, NOW, a_minute=10), Account)
    taken(account, NOW + 100)


def test_waits_double_up_to_an_hour() -> None:
    account, now, waits = Account(), NOW, []
    for _ in range(9):
        account = account.refused("ada", None, now)
        waits.append(account.closed_until("ada") - now)
        now = account.closed_until("ada")
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_who_was_refused_at_the_same_time_learns_nothing_new() -> None:
    once = Account().refused("ada", None, NOW)
    assert once.refused("ada", None, NOW + 1) == once


def test_an_answer_from_before_a_refusal_does_not_end_it() -> None:
    closed = Account().refused("ada", NOW + 100, NOW)
    assert closed.heard("ada", HUB, NOW + 1).closed_until("ada") == NOW + 100
    assert closed.heard("ada", None, NOW + 101).logins["ada"] == LoginAccount(NOW + 101)


def test_an_answer_that_says_nothing_changes_nothing() -> None:
    account = Account()
    assert account.heard("ada", None, NOW) is account


def test_logins_that_were_not_heard_of_are_forgotten() -> None:
    account = Account()
    for number in range(300):
        account = account.heard(f"login-{number}", HUB, NOW + number)
    assert len(account.logins) == 200
    assert "login-299" in account.logins
    late = account.heard("ada", HUB, NOW + 3 * 24 * 3600)
    assert set(late.logins) == {"ada"}


def test_what_is_written_down_is_read_again() -> None:
    account = taken(Account().heard("ada", HUB, NOW).refused("bob", NOW + 5, NOW), NOW, pulls=1)
    assert load(account.dump()) == account


@pytest.mark.parametrize("a_minute", [1, 10, 61, 1000])
def test_of_what_is_not_known_half_is_spent(a_minute: int) -> None:
    assert sum(half_spent(NOW, a_minute=a_minute).taken.values()) == a_minute // 2
