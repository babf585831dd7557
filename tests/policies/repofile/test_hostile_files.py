# SPDX-License-Identifier: Apache-2.0
"""Whatever somebody commits as `.fairway.yaml`: no crash, no long wait, each problem at a line there is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.repofile import Narrowed, Problem, narrow, read
from policies.repofile.messages import UNNAMED
from policies.repofile.positions import LARGEST
from policies.surface.repository_file import check
from policies.tenancy import EVERYTHING, Environment, Grant, Tenant
from tests.policies.repofile.mutations import WORDS, mutated
from tests.policies.repofile.test_reader import WHOLE

BOUND = Tenant(
    (Grant(frozenset({"apps", "web"}), environments=(Environment("prod", frozenset({"apps"}), True),)),)
)


def held(problem: Problem, text: bytes) -> None:
    lines = max(text.count(b"\n") + (not text.endswith(b"\n")), 1)
    assert 1 <= problem.where.line <= problem.where.end_line <= lines, problem
    assert problem.where.column >= 1
    assert problem.where.length >= 1
    assert problem.message not in ("", UNNAMED)
    assert len(str(problem)) < 1500


def all_of(text: bytes) -> list[Narrowed]:
    """Read and narrow it every way, and hold every problem to the file."""
    reading = read(text)
    assert (reading.model is None) == any(p.level == "failure" for p in reading.problems)
    found = [
        narrow(tenant, reading, owner="acme", cluster=cluster)
        for tenant in (BOUND, Tenant((EVERYTHING,)), Tenant())
        for cluster in ("prod-eu", "elsewhere")
    ]
    for narrowed in found:
        for problem in narrowed.problems:
            held(problem, text)
    return found


def no_wider(narrowed: Narrowed) -> None:
    """What is left of the bound tenant is part of what it had."""
    for environment in narrowed.tenant.environments("apps") + narrowed.tenant.environments("web"):
        assert (environment.name, environment.protected) == ("prod", True)
        assert environment.namespaces <= {"apps"}
    assert narrowed.tenant.covers("apps")
    assert not narrowed.tenant.covers("infra")
    assert not narrowed.rules.rule("promote", "prod").self_approval


def test_a_file_with_mistakes_is_told_where_they_are() -> None:
    usable = unusable = 0
    for text in mutated(WHOLE, 5000):
        for narrowed in all_of(text)[:2]:
            no_wider(narrowed)
            check(narrowed, "main")
            usable += narrowed.unreadable is None
            unusable += narrowed.unreadable is not None
    assert min(usable, unusable) > 500


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read(text: bytes) -> None:
    all_of(text)


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=200).map(lambda text: text.encode(errors="surrogatepass")))
def test_any_text_is_read(text: bytes) -> None:
    all_of(b"version: 1\norders:\n  " + text)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from([*WORDS, b"\n", b"\n  ", b" ", b"[", b"]", b"{", b"}", b","]), max_size=40))
def test_any_words_are_read(words: list[bytes]) -> None:
    all_of(b"".join(words))


@pytest.mark.timeout(20)  # what grows with the square would take minutes
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"[" * LARGEST, id="deep lists"),
        pytest.param(b"{a: " * (LARGEST // 4), id="deep mappings"),
        pytest.param(b"- " * (LARGEST // 2), id="deep blocks"),
        pytest.param(b"? " * (LARGEST // 2), id="keys of keys"),
        pytest.param(
            b"a: &a [x,x]\n"
            + b"".join(b"%c: &%c [*%c,*%c]\n" % (n + 1, n + 1, n, n) for n in range(97, 121)),
            id="a bomb of aliases",
        ),
        pytest.param(b"&a [*a]", id="an alias to itself"),
        pytest.param(b"a: &a {<<: *a}", id="a merge of itself"),
        pytest.param(
            b"version: 1\n" + b"".join(b"k%d: 1\n" % n for n in range(6000)), id="many unknown keys"
        ),
        pytest.param(
            b"version: 1\norders: {" + b"".join(b"k%d: off, " % n for n in range(4000)) + b"}",
            id="many unknown orders",
        ),
        pytest.param(b"version: 1\norders: " + b"q" * 65000, id="a long text"),
        pytest.param(b"version: 1\n" + b"q" * 65000 + b": 1", id="a long key"),
        pytest.param(b"version: 1\n? " + b"q" * 64000 + b"\n: 1", id="a long explicit key"),
        pytest.param(b"version: " + b"9" * 65000, id="a long number"),
        pytest.param(
            b"version: 1\norders: {lock: {teams: [" + b"a" * 60000 + b"/!]}}", id="a long name of a team"
        ),
        pytest.param(
            b"version: 1\npullRequests: {images: {schedule: [{from: '08:00', to: '09:00', timeZone: "
            + b"a" * 60000
            + b"!}]}}",
            id="a long time zone",
        ),
        pytest.param(b"a:\n" * 20000, id="one key many times"),
        pytest.param(b'"' + b"\\n" * 32000 + b'": 1', id="a key of many lines"),
        pytest.param(b"#" * LARGEST, id="only a comment"),
        pytest.param(b"\n" * LARGEST, id="only lines"),
    ],
)
def test_a_file_made_to_hurt_is_refused_in_a_moment(text: bytes) -> None:
    [narrowed, *_] = all_of(text)
    assert narrowed.unreadable is not None
    check(narrowed, "main")
