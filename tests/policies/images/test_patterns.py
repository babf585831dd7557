# SPDX-License-Identifier: Apache-2.0
"""Expressions are read, and templates expanded, as Go's regexp package does it."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies.images.patterns import Pattern
from tests.fixtures.upstream_reflector import Reflector

_TAGS = ["main-1a2b3c4-1700000000", "main-ffff-2", "v1.2.3", "v1.2.3-rc.1", "latest", "", "1", "é1", "a\nb"]


def expanded(pattern: str, extract: str, texts: list[str]) -> tuple[list[str | None], str]:
    """Answer as the oracle does."""
    try:
        compiled = Pattern(pattern, captures=True)
    except ValueError as error:
        return [], str(error)
    found = [next(compiled.expanded(extract, [text]), None) for text in texts]
    return [None if one is None else one[0].decode() for one in found], ""


@pytest.mark.parametrize(
    ("pattern", "extract", "text", "result"),
    [
        ("^main-(?P<sha>[a-f0-9]+)-(?P<ts>[0-9]+)$", "$ts", _TAGS[0], "1700000000"),
        ("^main-(?P<sha>[a-f0-9]+)-(?P<ts>[0-9]+)$", "${ts}.$sha", _TAGS[0], "1700000000.1a2b3c4"),
        ("^main-(?P<ts>.*)", "$ts", "v1", None),
        ("v(.*)", "$1", "v1.2.3", "1.2.3"),
        ("v(.*)", "${1}", "v1.2.3", "1.2.3"),
        ("v(.*)", "$1x", "v1.2.3", ""),  # a group called 1x, which there is not
        ("v(.*)", "${1}x", "v1.2.3", "1.2.3x"),
        ("v(.*)", "$1-x", "v1.2.3", "1.2.3-x"),
        (r"v(\d+)\.(\d+)", "$1_$2", "v1.2.3", "2"),  # a group called 1_
        ("v(.*)", "$0", "v1.2.3", "v1.2.3"),
        (r"^(.+)-([a-f0-9]+)-(\d+)$", "$3", _TAGS[0], "1700000000"),
        (r"^(.+)-([a-f0-9]+)-(\d+)$", "$3-%-$2", _TAGS[0], "1700000000-%-1a2b3c4"),
        (r"^(.+)-([a-f0-9]+)-(\d+)$", "$2$1$3$0", "a-b-1", "ba1a-b-1"),
        ("((a)(b))(c)?", "$3", "ab", "b"),
        ("((a)(b))(c)?", "$4$3", "ab", "b"),
        ("((a)(b))(c)?", "$4", "ab", ""),
        (r"(\()([(]x\))(y)", "$3", "((x)y", "y"),
        (r"(a)\Q(\E(b)", "$2", "a(b", "b"),
        ("v(.*)", "$2", "v1.2.3", ""),
        ("v(.*)", "$01", "v1.2.3", ""),
        ("v(.*)", "$100000000000", "v1.2.3", ""),
        ("v(.*)", "$", "v1.2.3", "$"),
        ("v(.*)", "$$1", "v1.2.3", "$1"),
        ("v(.*)", "a$-b", "v1.2.3", "a$-b"),
        ("v(.*)", "${1", "v1.2.3", "${1"),
        ("v(.*)", "${}", "v1.2.3", "${}"),
        ("v(.*)", "${1-}", "v1.2.3", "${1-}"),
        ("v(.*)", "$nope", "v1.2.3", ""),
        ("v(?P<é>.*)", "x", "v1", None),
        ("v(?<new>.*)", "$new", "v1", "1"),
        ("v(x)?(.*)", "$1|$2", "v1", "|1"),
        ("(?P<n>a)|(?P<n>b)", "$n", "b", "b"),
        ("(?P<n>a)?(?P<n>b)?", "$n", "ab", "a"),
        (r"[(](?P<n>.)", "$n", "(x", "x"),
        (r"\Q(?P<no>\E(?P<n>.)", "$n", "(?P<no>x", "x"),
        (r"[[:alpha:](]\((?:(.)(?i:(.)))", "$2", "a(bc", "c"),
        ("", "$0", "anything", ""),
        ("2", "static", "1.2", "static"),
        ("a|ab", "$0", "ab", "a"),
        ("(?U)v(.+)(.*)", "$1", "v12", "1"),
        (r"(?m)^b$", "$0", "a\nb", "b"),
        (r"a.b", "$0", "a\nb", None),
        (r"b$", "$0", "b\n", None),
        (r"\bé", "$0", "é", None),  # \b knows ASCII only
    ],
)
def test_a_template_is_expanded(
    reflector: Reflector, pattern: str, extract: str, text: str, result: str | None
) -> None:
    mine = expanded(pattern, extract, [text])
    assert mine == reflector.expanded(pattern, extract, [text])
    assert mine[0] == ([] if "é>" in pattern else [result])


@pytest.mark.parametrize(
    "pattern",
    [
        "[",
        "[a",
        "[]",
        "[^]",
        "[a-",
        "(",
        "((",
        "(()",
        "a)",
        "())(",
        "*a",
        "+",
        "?",
        "a**",
        "a+++",
        "a{2}{3}",
        "x{1,0}",
        "a{1001}",
        "(a{500}){3}",
        "a{99999999999}",
        "a{1,99999999999}",
        r"\8",
        r"\1",
        r"\C",
        r"[\q]",
        r"\Z",
        r"\K",
        r"\ca",
        r"\p{Nope}",
        r"\pX",
        r"\p{",
        r"\xzz",
        "[b-a]",
        r"[a-\d]",
        "[[:nope:]]",
        "a\\",
        "(?",
        "(?=x)",
        "(?!x)",
        "(?>a)",
        "(?#x)",
        "(?i",
        "(?z)",
        "(?P<n",
        "(?P=n)",
        "(?P<>x)",
        "(?P<a b>x)",
        "(?P<ä>x)",
        r"\x{110000}",
    ],
)
def test_what_is_no_expression_is_refused_in_gos_words(reflector: Reflector, pattern: str) -> None:
    mine, theirs = expanded(pattern, "", ["x"]), reflector.expanded(pattern, "", ["x"])
    assert mine[1].startswith("error parsing regexp: ")
    assert mine == theirs


@pytest.mark.parametrize(
    "pattern",
    [
        r"[[:word:]]",
        r"[\d-z]",
        "x{1000}",
        "a{,2}",
        "(|a)*",
        "(?i)A",
        "(?s-m:.)",
        "[]a]",
        "[^]a]",
        "[a-b-c]",
        "[--a]",
        r"\z",
        r"\A",
        r"\b*",
        "^*",
        r"\x41",
        r"\x{1F600}",
        r"\07",
        r"\_",
        r"\pL",
        r"\p{Greek}",
        r"\p{^Greek}",
        r"\PN",
        "[^\n]",
        "[^a]",
        r"\W",
        r"\D+",
        "(?P<1>x)",
        r"\Q\C\E",
        r"\\C",
        "é",
        "(?-i)a",
        "a??",
        "(?:^)*",
        "(?m:$)",
    ],
)
def test_what_is_an_expression_finds_the_same(reflector: Reflector, pattern: str) -> None:
    mine = expanded(pattern, "$0", _TAGS)
    assert mine == reflector.expanded(pattern, "$0", _TAGS)
    assert not mine[1]


_atoms = st.sampled_from(
    [
        "a",
        "b",
        "1",
        ".",
        "-",
        r"\d",
        r"\w",
        "[a-f0-9]",
        "[^a]",
        "^",
        "$",
        r"\b",
        "(a|b)",
        "((a)|b-)",
        "(a*)",
        "(|a)",
        "(a??)",
        "(?:(1)|(-))",
        r"(?P<n>\d+)",
        "(?:a|1)",
        "(?i:A)",
    ]
)
_patterns = st.lists(
    st.tuples(_atoms, st.sampled_from(["", "", "*", "+", "?", "+?", "{2}"])), max_size=6
).map(lambda atoms: "".join(map("".join, atoms)))
_templates = st.lists(
    st.sampled_from(
        ["$", "$$", "$1", "$2", "$n", "${n}", "${1}", "${3}", "{", "}", "x", "1", "_", "$0", "é", "-"]
    ),
    max_size=5,
).map("".join)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_patterns, _templates, st.lists(st.text("ab1A-é", max_size=8), min_size=1, max_size=8))
def test_any_expression_and_template_give_gos_result(
    reflector: Reflector, pattern: str, template: str, texts: list[str]
) -> None:
    mine = expanded(pattern, template, texts)
    assert mine == reflector.expanded(pattern, template, texts)
    if not mine[1]:
        assert [Pattern(pattern).matches(t.encode()) for t in texts] == [x is not None for x in mine[0]]


@pytest.mark.parametrize("pattern", [r"\p{Letter}", r"\p{LC}", r"\p{ASCII}"])
def test_classes_that_only_go_knows_by_this_name_are_refused(reflector: Reflector, pattern: str) -> None:
    assert expanded(pattern, "", ["x"])[1].startswith("error parsing regexp: invalid character class range")
    assert not reflector.expanded(pattern, "", ["x"])[1]
