# SPDX-License-Identifier: Apache-2.0
"""Versions and ranges give the answers of the library that Flux uses."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies import semver
from tests.fixtures.oracle import Oracle


def words(text: str) -> list[str]:
    return text.split()


VERSIONS = [
    *words("""
0.0.0 0.0.1 0.0.3 0.1.0 0.1.2 0.2.0 0.2.3 0.2.4 0.3.0 1.0.0 1.0.1 1.1.0 1.1.9 1.2.0 1.2.3 1.2.4 1.3.0
1.9.9 2.0.0 2.0.1 2.1.0 2.9.0 3.0.0 4.0.0 10.0.0 v1.2.3 v1.2 v1 1 1.2 01.02.03 1.02.3 v0.0.0 0.0.0-0
0.0.0-alpha 0.0.3-rc.1 1.0.0-0 1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2
1.0.0-beta.11 1.0.0-rc.1 1.2.0-rc1 1.2.3-alpha 1.2.3-beta.1 1.2.4-rc.0 2.0.0-0 2.0.0-rc.1 2.1.0-x
3.0.0-a 1.2.3+build 1.2.3+build.2 1.2.3-rc.1+build 1.2.3+01 1.0.0--1 1.0.0-1-2 1.0.0-x-y 1-rc1 1.2-rc1
v1.2-rc.1 1.0.0-99999999999999999999 1.0.0-18446744073709551615 1.0.0-18446744073709551616
18446744073709551615.0.0 18446744073709551616.0.0 1.2.3-01 1.2.3-0a 1.2.3-a.01 1.2.3.4 1.2.3- 1.2.3+
1..2 .1 V1.2.3 1.2.x latest main
"""),
    *["", " 1.2.3", "1.2.3 ", "1.2.3\n", "1." + "0" * 300, "١.٢.٣"],
]

RANGES = [
    *words("""
* x X v1.x 1 1.x 1.X 1.* 1.2 1.2.x 1.2.* 1.2.3 =1.2.3 =1.2 =1 = !=1.2.3 !=1.2 !=1 !=* !=x !=1.2.x-rc >1
>1.2 >1.2.3 >1.x <1 <1.2 <1.2.3 <x >x >=x <=x <=1 <=1.2 <=1.2.3 <=1.2.x >=1 >=1.2 >=1.2.3 =>1.2 =<1.2 ~1
~1.2 ~1.2.3 ~1.x ~* ~>1.2 ~>1.2.3 ~0 ~0.0 ~0.0.0 ~0.0.1 ~1.2.3-alpha ^1 ^1.2 ^1.2.3 ^0 ^0.0 ^0.0.0
^0.0.3 ^0.2 ^0.2.3 ^* ^x ^1.x ^0.x ^0.0.x ^1.0.0-0 ^1.2.3-beta.1 >=1.0.0-0 >=0.0.0-0 >0-0 1.x-0 *-0
1.2-rc1 <2.0.0-0 !=1.0.0-alpha ^v1.2.3 ~v1.2 v1.2.3 1.2.3+build =1.2.3+x 1.2.3-rc.1+build >=1,<2
>=1,<2,!=1.2.3 ^1||^3 1||2||3 1.x||>=2.5.0||5.0.0 1|2 1||| ||1 1|| xx 1.xx 1.x.3 x.1.2 01 01.2 1.2.3.4
>=>1 ==1 >< ~~1 ^^1 1..2 a latest 1.2.3- 1.2.3-01 <18446744073709551616
"""),
    *[
        "",
        " ",
        ">=1.0.0 <2.0.0",
        ">= 1.0.0 <2.0.0",
        ">=1.0.0, <2.0.0",
        ">=1.0.0 , <2.0.0",
        " ^1.2 ",
        "^ 1.2",
        "~ 1.2.3",
        "1.0.0 - 2.0.0",
        "1.2 - 2",
        "1 - 2 || 3",
        "1 - 2||3 - 4",
        "1 - 2 || 3 - 4",
        "1.0.0-alpha - 2.0.0",
        "1.0.0 -2.0.0",
        "1.0.0- 2.0.0",
        "1 - 2 - 3",
        "v1 - v2",
        "1.x - 2.x",
        "* - 2",
        "^1.2 || >=3.0.0-0 <4",
        "^1.2 ^1.3",
        "1 2",
        "1,2",
        "1 , 2",
        "1,,2",
        ">1\t<3",
        ">1\n<3",
        ">1\v<3",
        ">1\u00a0<3",
        " || ".join(["1.2.3"] * 32),
        " || ".join(["1.2.3"] * 33),
        "1 " * 256,
        "1 " * 257,
        "!=1.2.3 " * 60,
    ],
]


def judge(constraint: str, versions: list[str]) -> tuple[str, list[str], list[bool], list[int]]:
    """Answer as the oracle does: error, allowed versions, which are invalid, how neighbours compare."""
    try:
        wanted, error = semver.parse_range(constraint), ""
    except ValueError as problem:
        wanted, error = None, str(problem)
    parsed, invalid = [], []
    for text in versions:
        try:
            parsed.append(semver.parse(text))
            invalid.append(False)
        except ValueError:
            invalid.append(True)
    allowed = [version.original for version in parsed if wanted is not None and wanted.allows(version)]
    order = [(a > b) - (a < b) for a, b in itertools.pairwise(parsed)]
    return error, allowed, invalid, order


def expected(
    oracle: Oracle, constraint: str, versions: list[str]
) -> tuple[str, list[str], list[bool], list[int]]:
    said = oracle.versions(constraint, versions)
    return said["Error"], said["Allowed"] or [], said["Invalid"] or [], said["Order"] or []


@pytest.mark.parametrize("constraint", RANGES, ids=[repr(text[:40]) for text in RANGES])
def test_a_range_allows_what_masterminds_allows(oracle: Oracle, constraint: str) -> None:
    error, allowed, invalid, order = judge(constraint, VERSIONS)
    their_error, their_allowed, their_invalid, their_order = expected(oracle, constraint, VERSIONS)
    assert bool(error) == bool(their_error), (error, their_error)
    if "improper" in their_error and all(char.isprintable() and ord(char) < 128 for char in constraint):
        assert error == their_error
    assert allowed == their_allowed
    assert invalid == their_invalid
    assert order == their_order


number = st.sampled_from(["0", "1", "2", "3", "10", "01", "x", "*", "X"])
identifier = st.sampled_from(["0", "1", "11", "alpha", "beta", "rc", "rc1", "-", "a-b", "01"])
tail = st.builds(
    lambda pre, meta: ("-" + ".".join(pre) if pre else "") + ("+" + ".".join(meta) if meta else ""),
    st.lists(identifier, max_size=2),
    st.lists(identifier, max_size=1),
)
partial = st.builds(
    lambda v, numbers, end: v + ".".join(numbers) + end,
    st.sampled_from(["", "", "v"]),
    st.lists(number, min_size=1, max_size=3),
    tail,
)
operator = st.sampled_from(["", "=", "!=", ">", "<", ">=", "=>", "<=", "=<", "~", "~>", "^"])
space = st.sampled_from(["", " ", "  "])
comparison = st.builds(lambda *parts: "".join(parts), space, operator, space, partial, space)
hyphenated = st.builds(
    lambda low, gap, high: f"{low} -{gap}{high}", partial, st.sampled_from([" ", ""]), partial
)
group = st.one_of(
    st.lists(comparison, min_size=1, max_size=3).map(" ".join),
    st.lists(comparison, max_size=3).map(",".join),
    hyphenated,
)
ranges = st.lists(group, min_size=1, max_size=3).map("||".join)
digits = st.sampled_from(["0", "1", "2", "3", "10"])
concrete = st.builds(
    lambda numbers, end: ".".join(numbers) + end, st.lists(digits, min_size=1, max_size=3), tail
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(constraint=ranges, versions=st.lists(concrete, min_size=1, max_size=25))
def test_any_range_and_version_get_masterminds_verdict(
    oracle: Oracle, constraint: str, versions: list[str]
) -> None:
    mine, theirs = judge(constraint, versions), expected(oracle, constraint, versions)
    assert bool(mine[0]) == bool(theirs[0]), (mine[0], theirs[0])
    assert mine[1:] == theirs[1:]


@pytest.mark.parametrize(
    ("constraint", "tags", "best"),
    [
        (">=1.0.0", ["1.0.0", "v1.2.0", "1.1.0"], ["v1.2.0"]),
        ("1.x", ["2.0.0", "nonsense", "1.9.0", "1.10.0"], ["1.10.0"]),
        (">=1.0.0", ["1.0.0", "2.0.0-rc.1"], ["1.0.0"]),
        (">=1.0.0-0", ["1.0.0", "2.0.0-rc.1", "2.0.0-rc.2"], ["2.0.0-rc.2"]),
        ("*", ["1.0.0+a", "1.0.0+b", "0.9.0"], ["1.0.0+a", "1.0.0+b"]),
        ("^3", ["1.0.0", "2.0.0"], []),
        ("*", [], []),
    ],
    ids=[
        "v prefix kept",
        "junk passed over",
        "no pre-release",
        "pre-release",
        "equal versions",
        "none",
        "empty",
    ],
)
def test_max_satisfying_returns_the_highest_in_its_own_spelling(
    constraint: str, tags: list[str], best: list[str]
) -> None:
    assert semver.max_satisfying(constraint, iter(tags)) == best


def test_a_hostile_range_is_read_in_linear_time() -> None:
    """A backtracking engine would not be back before the test run is given up."""
    with pytest.raises(ValueError, match="improper constraint"):
        semver.parse_range(("1 " + " " * 5) * 70 + "!")
