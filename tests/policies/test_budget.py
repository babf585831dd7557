# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import budget
from policies.budget import WINDOWS, Bucket, Price, Refusal, Urgency

NOW = 1_795_000_000.0
COMMENT, WRITE, READ = Price(points=5, creations=1), Price(points=5), Price(points=1)


def spent(bucket: Bucket, price: Price, count: int, now: float = NOW) -> Bucket:
    for _ in range(count):
        after = bucket.take(price, Urgency.ANSWER, now)
        assert isinstance(after, Bucket)
        bucket = after
    return bucket


def granted(bucket: Bucket, price: Price, urgency: Urgency, now: float = NOW) -> int:
    """Count how often a price can be paid at once."""
    for count in range(2000):
        after = bucket.take(price, urgency, now)
        if isinstance(after, Refusal):
            return count
        bucket = after
    raise AssertionError("there is no limit")


@pytest.mark.parametrize(
    ("price", "urgency", "count"),
    [
        pytest.param(COMMENT, Urgency.ANSWER, 80, id="answers-to-the-last-token"),
        pytest.param(COMMENT, Urgency.FINAL, 72, id="final-states-leave-a-tenth"),
        pytest.param(COMMENT, Urgency.PROGRESS, 56, id="progress-leaves-three-tenths"),
        pytest.param(WRITE, Urgency.ANSWER, 180, id="a-write-is-five-points"),
        pytest.param(WRITE, Urgency.PROGRESS, 126, id="points-are-left-to-others-too"),
        pytest.param(READ, Urgency.ANSWER, 900, id="a-read-is-one-point"),
    ],
)
def test_a_full_bucket_holds_what_github_allows(price: Price, urgency: Urgency, count: int) -> None:
    assert granted(Bucket(), price, urgency) == count


@pytest.mark.parametrize(
    ("price", "urgency", "count"),
    [(COMMENT, Urgency.ANSWER, 40), (COMMENT, Urgency.PROGRESS, 16), (WRITE, Urgency.ANSWER, 90)],
    ids=["answers", "progress", "points"],
)
def test_a_bucket_of_which_nothing_is_known_is_half_full(price: Price, urgency: Urgency, count: int) -> None:
    assert granted(budget.half_full(NOW), price, urgency) == count


@pytest.mark.parametrize(
    ("age", "count"),
    [(0, 900), (20, 750), (30, 675), (61, 450), (7200, 450)],
    ids=["new", "of-some-seconds", "of-half-a-minute", "of-a-minute", "old"],
)
def test_an_installation_has_taken_nothing_before_it_was_made(age: int, count: int) -> None:
    bucket = budget.half_full(NOW, since=NOW - age)
    assert granted(bucket, READ, Urgency.ANSWER) == pytest.approx(count, abs=16)


def test_a_bucket_of_which_nothing_is_known_fills_evenly() -> None:
    bucket = budget.half_full(NOW)
    counts = [granted(bucket, COMMENT, Urgency.ANSWER, NOW + seconds) for seconds in (0, 15, 30, 45, 61)]
    assert counts == pytest.approx([40, 50, 60, 70, 80], abs=1)
    hour = [500 - sum(_out(bucket, NOW + minutes * 60)) for minutes in (0, 30, 61)]
    assert hour == pytest.approx([250, 375, 500], abs=5)


def _out(bucket: Bucket, now: float) -> Iterable[int]:
    window = WINDOWS[1]
    return (
        count
        for slot, count in bucket.taken[window.name].items()
        if (slot + 1) * window.slot + window.seconds > now
    )


def test_progress_stops_before_answers_do() -> None:
    bucket = spent(Bucket(), COMMENT, 56)
    assert isinstance(bucket.take(COMMENT, Urgency.PROGRESS, NOW), Refusal)
    assert granted(bucket, COMMENT, Urgency.FINAL) == 16
    assert granted(bucket, COMMENT, Urgency.ANSWER) == 24


def test_who_is_refused_hears_when_and_why() -> None:
    bucket = spent(spent(Bucket(), COMMENT, 30), COMMENT, 50, NOW + 20)
    refused = bucket.take(COMMENT, Urgency.ANSWER, NOW + 25)
    assert isinstance(refused, Refusal)
    assert refused.reason == "GitHub's limit of 80 creations of content a minute is nearly used up"
    assert 60 <= refused.retry_at - NOW <= 61
    assert isinstance(bucket.take(COMMENT, Urgency.ANSWER, refused.retry_at - 0.01), Refusal)
    assert isinstance(bucket.take(COMMENT, Urgency.ANSWER, refused.retry_at), Bucket)
    assert isinstance(bucket.take(WRITE, Urgency.PROGRESS, NOW + 25), Bucket)


def test_the_hour_is_a_limit_of_its_own() -> None:
    bucket, now = Bucket(), NOW
    for _ in range(10):
        bucket, now = spent(bucket, COMMENT, 50, now), now + 62
    refused = bucket.take(COMMENT, Urgency.ANSWER, now)
    assert isinstance(refused, Refusal)
    assert "500 creations of content an hour" in refused.reason
    assert NOW + 3600 <= refused.retry_at <= NOW + 3661


def test_githubs_own_word_closes_the_bucket_for_everybody() -> None:
    bucket = Bucket().closed(NOW + 90)
    for urgency in Urgency:
        refused = bucket.take(READ, urgency, NOW)
        assert isinstance(refused, Refusal)
        assert refused.retry_at == NOW + 90
    assert bucket.closed(NOW + 10).closed_until == NOW + 90
    assert isinstance(bucket.take(READ, Urgency.PROGRESS, NOW + 90), Bucket)


def test_a_clock_that_was_ahead_hides_nothing() -> None:
    bucket = spent(Bucket(), COMMENT, 80, NOW + 7200)
    assert granted(bucket, COMMENT, Urgency.ANSWER, NOW) == 0
    after = bucket.take(READ, Urgency.ANSWER, NOW)
    assert isinstance(after, Bucket)
    assert granted(after, COMMENT, Urgency.ANSWER, NOW + 62) == 80


def test_a_bucket_is_written_down_and_read() -> None:
    bucket = spent(budget.half_full(NOW), COMMENT, 7).closed(NOW + 3)
    assert budget.load(bucket.dump()) == bucket


requests = st.tuples(
    st.floats(0, 30),
    st.sampled_from([COMMENT, WRITE, READ]),
    st.sampled_from(list(Urgency)),
    st.integers(1, 60),
)


@given(st.lists(requests, max_size=60))
def test_no_window_ever_holds_more_than_github_allows(
    asked: list[tuple[float, Price, Urgency, int]],
) -> None:
    bucket, now, paid = Bucket(), NOW, []
    for pause, price, urgency, count in asked:
        now += pause
        for _ in range(count):
            after = bucket.take(price, urgency, now)
            if isinstance(after, Bucket):
                bucket = after
                paid.append((now, price))
            else:
                assert after.retry_at > now
                assert isinstance(bucket.take(price, urgency, after.retry_at), Bucket)
    for window in WINDOWS:
        for end, _ in paid:
            within = [price for at, price in paid if end - window.seconds < at <= end]
            assert sum(getattr(price, window.of) for price in within) <= window.limit


@pytest.mark.parametrize(
    ("method", "path", "price"),
    [
        ("GET", "/repos/o/r/issues/1/comments", READ),
        ("POST", "/repos/o/r/issues/1/comments", COMMENT),
        ("PATCH", "/repos/o/r/issues/comments/1", WRITE),
        ("POST", "/repos/o/r/issues/comments/1/reactions", COMMENT),
        ("POST", "/repos/o/r/pulls", COMMENT),
        ("POST", "/repos/o/r/pulls/1/reviews", COMMENT),
        ("PUT", "/repos/o/r/pulls/1/merge", COMMENT),
        ("POST", "/repos/o/r/deployments", COMMENT),
        ("POST", "/repos/o/r/deployments/1/statuses", WRITE),
        ("POST", "/repos/o/r/statuses/abc", WRITE),
        ("POST", "/repos/o/r/check-runs", WRITE),
        ("POST", "/app/installations/1/access_tokens", WRITE),
        ("DELETE", "/repos/o/r/issues/comments/1", WRITE),
    ],
)
def test_what_a_request_costs(method: str, path: str, price: Price) -> None:
    assert budget.price(method, path) == price


@pytest.mark.parametrize(
    ("method", "path", "found"),
    [
        ("POST", "/repos/o/r/statuses/abc123", ("o/r", "abc123")),
        ("GET", "/repos/o/r/statuses/abc123", None),
        ("POST", "/repos/o/r/deployments/1/statuses", None),
    ],
)
def test_which_request_writes_a_commit_status(method: str, path: str, found: tuple[str, str] | None) -> None:
    assert budget.status_of(method, path) == found


def test_progress_leaves_statuses_of_a_context_for_the_end() -> None:
    assert [budget.statuses_allowed(urgency) for urgency in Urgency] == [1000, 1000, 700]
