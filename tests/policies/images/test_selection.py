# SPDX-License-Identifier: Apache-2.0
"""A policy chooses the tag that image-reflector-controller chooses."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies.errors import FairwayError, TerminalError
from policies.images import ordering, selection
from policies.images.errors import InvalidPolicy, NoTags, NothingChosen
from policies.images.patterns import MOST_STEPS, Pattern
from policies.kinds.imagepolicy import Choice, TagFilter
from tests.fixtures.upstream_reflector import Reflector

Filter = tuple[str, str] | None


def words(text: str) -> list[str]:
    return text.split()


def _choice(kind: str, argument: str) -> Choice:
    key = "range" if kind == "semver" else "order"
    return Choice.model_validate({kind: {key: argument} if argument or kind == "semver" else {}})


def chosen(kind: str, argument: str, tags: list[str], filtered: Filter = None) -> tuple[str, str]:
    """Answer as the oracle does: the tag, or the error."""
    rule = TagFilter(pattern=filtered[0], extract=filtered[1]) if filtered else None
    try:
        return selection.latest(_choice(kind, argument), tags, rule), ""
    except FairwayError as error:
        return "", error.message


_NONE = ordering.NONE_IN_RANGE
_NO_PATTERN = "failed to filter tags: invalid regular expression pattern"
_NO_NUMBER = "failed to parse invalid numeric value '{}'"
# (kind, range or order, tags, what is chosen or why nothing is)
_TABLE: list[tuple[str, str, str, str]] = [
    # Versions need two dots at least, keep their `v`, and are read leniently.
    ("semver", "*", "1.0.0 1.1.0 1.0.9", "1.1.0"),
    ("semver", ">=1", "v1.0.0 v1.2.0 1.1.0", "v1.2.0"),
    ("semver", "*", "2024 1.2 1.1.1", "1.1.1"),
    ("semver", "*", "2024 1.2 v3", _NONE),
    ("semver", "*", "V1.0.0 1.0.0.0 1.0.x latest", _NONE),
    ("semver", "*", "01.02.03 1.2.2", "01.02.03"),
    ("semver", "*", "2025.02.03 2024.12.24", "2025.02.03"),
    ("semver", "*", "1.9.0 1.10.0", "1.10.0"),
    ("semver", "1.x", "1.9.0 2.0.0", "1.9.0"),
    ("semver", "~1.2", "1.2.3 1.3.0", "1.2.3"),
    ("semver", "^0.2.3", "0.2.9 0.3.0", "0.2.9"),
    ("semver", ">=1.0.0 <1.2.0 || ^3", "1.1.9 2.0.0 3.1.0 4.0.0", "3.1.0"),
    ("semver", "1 - 2", "2.9.9 3.0.0", "2.9.9"),
    ("semver", "^3", "1.0.0 2.0.0", _NONE),
    # The dots may be anywhere.
    ("semver", "*-0", "1-rc.1.2 0.9-rc.1", "1-rc.1.2"),
    ("semver", "*", "1.2+a.b 1.1.9", "1.2+a.b"),
    ("semver", "*", "v1+a.b.c 0.9.0", "v1+a.b.c"),
    # Pre-releases only where the range names one.
    ("semver", ">=1.0.0", "1.0.0 1.1.0-rc.1", "1.0.0"),
    ("semver", ">=1.0.0-0", "1.0.0 1.1.0-rc.1", "1.1.0-rc.1"),
    ("semver", ">=1.0.0-0", "1.1.0-rc.1 1.1.0", "1.1.0"),
    ("semver", ">=1.0.0-0", "1.0.0-rc.2 1.0.0-rc.10 1.0.0-rc.9", "1.0.0-rc.10"),
    ("semver", ">=1.0.0-0", "1.0.0-2 1.0.0-10 1.0.0-9", "1.0.0-10"),
    ("semver", ">=1.0.0-0", "1.0.0-rc.01 1.0.0-alpha", "1.0.0-alpha"),
    ("semver", ">=1.0.0-0", "1.0.0-rc_1 1.0.0-alpha", "1.0.0-alpha"),
    ("semver", ">=1.0.0-0", "1.0.0- 1.0.0--", "1.0.0--"),
    ("semver", "^1 || >=2.0.0-0", "1.9.0-rc.1 1.0.0 2.0.0-a", "2.0.0-a"),
    ("semver", ">=0.0.0-0", "0.0.0-20240102.abc 0.0.0-20240101.def", "0.0.0-20240102.abc"),
    # Build metadata says nothing; of equal versions the first counts.
    ("semver", "*", "1.0.0+b 1.0.0+a", "1.0.0+b"),
    ("semver", "*", "1.0.0 v1.0.0", "1.0.0"),
    ("semver", "*", "1.0.0+a-b.c 0.9.0", "1.0.0+a-b.c"),
    ("semver", ">=1.0.0-0", "1.0.0+a-b 1.0.0-z", "1.0.0+a-b"),
    ("semver", "*", "18446744073709551616.0.0 1.0.0", "1.0.0"),
    ("semver", "*", "18446744073709551615.0.0 1.0.0", "18446744073709551615.0.0"),
    ("semver", "*", f"{'9' * 300}.0.0 1.0.0", "1.0.0"),
    ("semver", "*-*", "1.0.0", 'invalid policy: improper constraint: "*-*"'),
    ("semver", "", "1.0.0 2.0.0", 'invalid policy: improper constraint: ""'),
    ("semver", "nonsense", "1.0.0", 'invalid policy: improper constraint: "nonsense"'),
    # The alphabet is that of bytes.
    ("alphabetical", "ASC", "16.04 16.10 20.04 20.10", "20.10"),
    ("alphabetical", "DESC", "16.04 16.10 20.04 20.10", "16.04"),
    ("alphabetical", "", "a b", "b"),
    ("alphabetical", "ASC", "10 9", "9"),
    ("alphabetical", "ASC", "Z a _ 9", "a"),
    ("alphabetical", "DESC", "Z a _ 9", "9"),
    ("alphabetical", "ASC", "é z", "é"),
    ("alphabetical", "ASC", "\U0001f600 \uffee", "\U0001f600"),
    ("alphabetical", "ASC", "a a", "a"),
    # Numbers are Go's, and one that is none spoils it all.
    ("numerical", "ASC", "9 10 8", "10"),
    ("numerical", "DESC", "9 10 8", "8"),
    ("numerical", "", "9 10 8", "10"),
    ("numerical", "ASC", "100 200 150 050 0300 250", "0300"),  # as many digits, more, and zeros before them
    ("numerical", "DESC", "200 100 150 050 0300 250", "050"),
    ("numerical", "DESC", "nan 200 100 1", "1"),
    ("numerical", "ASC", "1.5 1.25", "1.5"),
    ("numerical", "ASC", "10 latest 9", _NO_NUMBER.format("latest")),
    ("numerical", "ASC", "1.2.3", _NO_NUMBER.format("1.2.3")),
    ("numerical", "ASC", "v1", _NO_NUMBER.format("v1")),
    ("numerical", "ASC", "1 1.0 01", "01"),  # of equal ones the last
    ("numerical", "DESC", "1 1.0 01", "01"),
    ("numerical", "ASC", "1e3 999", "1e3"),
    ("numerical", "ASC", "1_000 999", "1_000"),
    ("numerical", "ASC", "0x1p10 1023", "0x1p10"),
    ("numerical", "ASC", "0x10", _NO_NUMBER.format("0x10")),
    ("numerical", "ASC", "1e999", _NO_NUMBER.format("1e999")),
    ("numerical", "ASC", "9" * 400, _NO_NUMBER.format("9" * 400)),
    ("numerical", "ASC", "inf 1", "inf"),
    ("numerical", "ASC", "1 nan 0", "0"),  # nothing is less than NaN
    ("numerical", "ASC", "9007199254740993 9007199254740992", "9007199254740992"),  # the same number
    ("numerical", "ASC", "١ 1", _NO_NUMBER.format("١")),
]


@pytest.mark.parametrize(("kind", "argument", "tags", "result"), _TABLE)
def test_the_traps(reflector: Reflector, kind: str, argument: str, tags: str, result: str) -> None:
    order = argument if kind == "semver" else argument.lower()
    tag, error = chosen(kind, order, words(tags))
    assert result in (tag, error)
    assert (tag, error) == reflector.latest(
        kind, argument or ("ASC" if kind != "semver" else ""), words(tags)
    )


# (kind, argument, pattern, extract, tags, result)
_FILTERED: list[tuple[str, str, str, str, str, str]] = [
    ("numerical", "ASC", "^main-[a-f0-9]+-(?P<ts>[0-9]+)", "$ts", "main-a-9 main-b-10 x-99", "main-b-10"),
    ("numerical", "ASC", "^main-", "", "main-1 2", _NO_NUMBER.format("main-1")),
    ("numerical", "ASC", "-([0-9]*)$", "$1", "a-1 b-", _NO_NUMBER.format("")),
    ("numerical", "ASC", "^[0-9]+$", "", "1 2 latest", "2"),
    ("semver", ">=1.0.0", "^(?P<v>.*)-alpine$", "$v", "1.0.0-alpine 1.1.0-alpine 2.0.0", "1.1.0-alpine"),
    ("semver", ">=1.0.0", "^(?P<v>.*)-alpine$", "", "1.0.0-alpine", _NONE),
    ("semver", "*", r"^(\d+)\.(\d+)$", "$1.$2.0", "1.2 1.10 1.9.9", "1.10"),
    ("semver", "*", r"^(\d+)$", "$1.0.0", "1 10 9", "10"),
    ("semver", "*", "^v", "", "v1.0.0 2.0.0", "v1.0.0"),
    ("alphabetical", "ASC", "^RELEASE.(?P<t>.*)Z$", "$t", "RELEASE.2024Z RELEASE.2023Z", "RELEASE.2024Z"),
    ("alphabetical", "ASC", "", "", "a b", "b"),
    ("alphabetical", "ASC", "", "$0", "a b", "b"),  # all extract nothing, and the last of them stands for it
    ("alphabetical", "ASC", "x", "", "a b", ordering.EMPTY),
    ("semver", "*", "x", "", "1.0.0", ordering.EMPTY),
    ("numerical", "ASC", "x", "", "1", ordering.EMPTY),
    # Of tags that extract the same the later one counts, whatever the order.
    ("numerical", "ASC", "-([0-9]+)$", "$1", "b-2 a-2 z-1", "a-2"),
    ("numerical", "DESC", "-([0-9]+)$", "$1", "b-2 c-1 a-1", "a-1"),
    ("alphabetical", "ASC", "-([0-9]+)$", "$1", "b-2 z-1 a-2", "a-2"),
    ("alphabetical", "DESC", "-([0-9]+)$", "$1", "b-1 z-2 a-1", "a-1"),
    ("semver", "*", "^(.*)-[a-z]$", "$1", "1.0.0-b 0.9.0-a 1.0.0-a", "1.0.0-a"),
    ("numerical", "ASC", "(", "", "1", f"{_NO_PATTERN} '(': error parsing regexp: missing closing ): `(`"),
]


@pytest.mark.parametrize(("kind", "argument", "pattern", "extract", "tags", "result"), _FILTERED)
def test_filtered_tags(
    reflector: Reflector, kind: str, argument: str, pattern: str, extract: str, tags: str, result: str
) -> None:
    order = argument if kind == "semver" else argument.lower()
    mine = chosen(kind, order, words(tags), (pattern, extract))
    assert result in mine
    assert mine == reflector.latest(kind, argument, words(tags), filtered=(pattern, extract))


_versions = st.builds(
    lambda v, numbers, tail: v + ".".join(map(str, numbers)) + tail,
    st.sampled_from(["", "", "v"]),
    st.lists(st.integers(0, 12), min_size=1, max_size=4),
    st.sampled_from(["", "", "-rc.1", "-rc.2", "-0", "-alpha", "+b", "-1.x", "-01", "-a_b"]),
)
_numbers = st.one_of(
    st.integers(-5, 1200).map(str),
    st.floats(allow_nan=False, width=32).map(str),
    st.text("01.eE+-_xXpPaAiInNfF ", min_size=1, max_size=7),
)
_ranges = st.sampled_from(
    ["*", ">=1", "^1.2", "~2", "<3", ">=0.0.0-0", ">1.0.0-rc.1 <4", "1.x || >=7.0.0-0", "!=1.2.3", "=1", "x"]
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_ranges, st.lists(_versions | st.text("v1.0-+rc", max_size=9), min_size=1, max_size=30))
def test_any_versions_get_upstreams_choice(reflector: Reflector, wanted: str, tags: list[str]) -> None:
    assert chosen("semver", wanted, tags) == reflector.latest("semver", wanted, tags)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["asc", "desc"]), st.lists(_numbers, min_size=1, max_size=4))
def test_any_numbers_get_upstreams_choice(reflector: Reflector, order: str, tags: list[str]) -> None:
    assert chosen("numerical", order, tags) == reflector.latest("numerical", order.upper(), tags)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["asc", "desc"]), st.lists(st.text(max_size=4), min_size=1, max_size=30))
def test_any_texts_get_upstreams_choice(reflector: Reflector, order: str, tags: list[str]) -> None:
    assert chosen("alphabetical", order, tags) == reflector.latest("alphabetical", order.upper(), tags)


_EXTRACTS = [("^(v?[0-9.]+)(?:-(.*))?$", "$1"), ("^(?P<v>.*)-(.*)$", "${v}"), ("^v", ""), ("1", "$0.0.0")]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_ranges, st.sampled_from(_EXTRACTS), st.sets(_versions, min_size=1, max_size=30))
def test_any_filtered_versions_are_worth_upstreams_choice(
    reflector: Reflector, wanted: str, filtered: tuple[str, str], tags: set[str]
) -> None:
    """Which of several equal ones, upstream leaves to chance: asked about the two alone, either may win."""
    listed = sorted(tags, reverse=True)
    mine, theirs = (
        chosen("semver", wanted, listed, filtered),
        reflector.latest("semver", wanted, listed, filtered=filtered),
    )
    assert mine[1] == theirs[1]
    if mine != theirs:
        pair = [mine[0], theirs[0]]
        assert chosen("semver", wanted, pair, filtered) != chosen("semver", wanted, pair[::-1], filtered)


def test_of_several_rules_upstreams_first_counts() -> None:
    policy = Choice.model_validate({"semver": {"range": "*"}, "alphabetical": {}, "numerical": {}})
    assert selection.latest(policy, ["1.10.0", "1.9.0"]) == "1.10.0"
    policy = Choice.model_validate({"alphabetical": {}, "numerical": {}})
    assert selection.latest(policy, ["10", "9"]) == "9"


@pytest.mark.parametrize(
    ("policy", "tags", "error", "reason"),
    [
        ({}, ["1"], InvalidPolicy, "InvalidPolicy"),
        ({}, [], InvalidPolicy, "InvalidPolicy"),  # a broken policy is broken before there are tags
        ({"semver": {"range": "!"}}, ["1"], InvalidPolicy, "InvalidPolicy"),
        ({"numerical": {}}, [], NoTags, "DependencyNotReady"),
        ({"numerical": {}}, ["x"], NothingChosen, "Failure"),
        ({"semver": {"range": ">9"}}, ["1.0.0"], NothingChosen, "Failure"),
    ],
)
def test_why_nothing_is_chosen(policy: Any, tags: list[str], error: type[FairwayError], reason: str) -> None:
    with pytest.raises(error) as raised:
        selection.latest(Choice.model_validate(policy), tags)
    assert raised.value.reason == reason
    assert isinstance(raised.value, TerminalError) == (error is InvalidPolicy)


def test_what_waits_for_a_scan_says_when_it_looks_again() -> None:
    with pytest.raises(NoTags, match=r"^retrying in 1m30s error: no tags in database$"):
        selection.latest(_choice("numerical", ""), [], requeue=90.2)


@pytest.mark.parametrize(
    "pattern", ["((?:[ab]?){100}){10}", r"(?:\pL?){100}", "[ab]*a[ab]{900}", "(?:a?){1000}a{1000}"]
)
def test_an_expression_that_would_take_minutes_on_all_tags_is_refused(pattern: str) -> None:
    tags = [f"{n:0128b}".replace("0", "a").replace("1", "b") for n in range(20_000)]
    rule = TagFilter(pattern=pattern, extract="$1")
    assert Pattern(pattern).steps(2 * len(tags[0])) < MOST_STEPS
    with pytest.raises(InvalidPolicy, match="would take too long on all of the tags"):
        selection.latest(_choice("alphabetical", ""), tags, rule)


_HOSTILE = "!=1.2.3 " * 63
_FLAT = 64 * 1024  # bytes


@pytest.mark.parametrize(
    ("policy", "rule"),
    [
        ({"semver": {"range": ">=1.0.0-0"}}, None),
        ({"semver": {"range": _HOSTILE}}, None),
        ({"alphabetical": {}}, None),
        ({"numerical": {}}, {"pattern": r"^(\d+)\.", "extract": "$1"}),
        ({"semver": {"range": "*"}}, {"pattern": "(a|a)*b|(?P<v>.*)", "extract": "${v}"}),
    ],
    ids=["pre-releases", "a long range", "the alphabet", "numbers", "a filter"],
)
def test_what_is_needed_besides_the_tags_does_not_grow_with_them(policy: Any, rule: Any) -> None:
    tags = [f"{n % 7}.{n % 11}.{n}" + ("-rc" if n % 3 else "") for n in range(20_000)]
    choice, filter_tags = Choice.model_validate(policy), rule and TagFilter.model_validate(rule)
    selection.latest(choice, tags[:10], filter_tags)
    tracemalloc.start()
    try:
        selection.latest(choice, tags, filter_tags)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < _FLAT
