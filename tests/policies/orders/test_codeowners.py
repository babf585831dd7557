# SPDX-License-Identifier: Apache-2.0
"""Who owns a path: the rules of GitHub's documentation, one by one."""

from __future__ import annotations

import time

import pytest

from policies.orders.codeowners import CodeOwners, parse


@pytest.mark.parametrize(
    ("pattern", "owned", "not_owned"),
    [
        ("*", ["a", "a/b.js", ".github/x"], []),
        ("*.js", ["a.js", "b/c.js", "b.js/c"], ["a.jsx", "ajs"]),
        ("/build/logs/", ["build/logs/a", "build/logs/b/c"], ["build/logs", "x/build/logs/a"]),
        ("docs/*", ["docs/a.md"], ["docs/a/b.md", "x/docs/a.md"]),
        ("apps/", ["apps/a", "x/apps/a", "x/apps/b/c"], ["apps", "x/apps"]),
        ("/docs/", ["docs/a", "docs/b/c"], ["x/docs/a"]),
        ("/scripts/", ["scripts/a"], ["x/scripts/a"]),
        ("**/logs", ["logs", "logs/a", "build/logs/a", "deeply/nested/logs/b"], ["mylogs"]),
        ("/apps/github", ["apps/github", "apps/github/a"], ["apps/githubs", "x/apps/github"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b/c"], ["a/xb"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "b/a/c"]),
        ("a?c", ["abc", "x/abc"], ["a/c", "abbc"]),
        ("a*c/d.md", ["abbc/d.md"], ["a/c/d.md", "x/abc/d.md"]),
        ("a**c", ["abbc"], ["a/c"]),
        ("/*", ["a"], ["a/b"]),
        ("a+b(c).md", ["a+b(c).md"], ["aab(c).md"]),
        ("a\\ b.md", ["a b.md"], ["a"]),
        ("Docs/", ["Docs/a"], ["docs/a"]),
        ("ü/日", ["ü/日/a"], ["u/a"]),
    ],
)
def test_a_pattern(pattern: str, owned: list[str], not_owned: list[str]) -> None:
    owners = parse(f"{pattern} @alice")
    assert {path for path in owned + not_owned if owners.of(path)} == set(owned)


def test_the_last_line_that_matches_counts_also_when_it_names_nobody() -> None:
    owners = parse("* @all\n/apps/ @Octocat @acme/Web mail@example.com\n/apps/github\n*.go @gopher # why\n")
    assert owners.of("README.md") == {"all"}
    assert owners.of("apps/a") == {"octocat", "acme/web", "mail@example.com"}
    assert owners.of("apps/github/x") == frozenset()
    assert owners.of("apps/github/x.go") == {"gopher"}


def test_the_owners_of_several_paths() -> None:
    owners = parse("*.go @gopher\n*.md @writer @gopher\n")
    assert owners.of_each(["a.go", "b.go", "c.md", "d.txt"]) == (
        frozenset({"gopher"}),
        frozenset({"gopher", "writer"}),
    )
    assert owners.of_each(["d.txt"]) == ()


@pytest.mark.parametrize(
    "line",
    ["", "# a", "   ", "* alice", "* @alice bob", "!* @alice", "[ab].md @alice", "* @a/b/c", "* @", "* @a<b"],
)
def test_a_line_that_github_skips_is_skipped(line: str) -> None:
    assert parse(f"* @all\n{line}\r\n").of("a.md") == {"all"}


def test_a_comment_may_follow_the_owners() -> None:
    assert parse("* @alice #bob @carol").of("x") == {"alice"}


def test_nothing_of_a_file_that_is_too_large_counts() -> None:
    assert parse("* @alice\n#" + "x" * (3 * 1024 * 1024)) == CodeOwners()
    assert parse("* @alice\n" * 20_001) == CodeOwners()
    assert parse("* @alice\n" * 20_000).of("a") == {"alice"}


def test_hostile_patterns_and_paths_take_no_time() -> None:
    began = time.process_time()
    owners = parse("*a" * 40 + " @alice\n" + "**/" * 40 + "x @bob\n" + "?" * 200 + "* @carol\n")
    assert owners.of("a/" * 2000 + "b") == frozenset()
    assert owners.of("a" * 4000) in ({"alice"}, {"carol"})
    assert owners.of("\ud800\n/x") == {"bob"}
    assert time.process_time() - began < 5


def test_a_pattern_without_end_is_no_error() -> None:
    assert isinstance(
        parse("\\ @alice\n/ @alice\n// @alice\n*" + "\\" * 9 + " @x\n" + "?" * 100_000 + " @x").of("a"),
        frozenset,
    )
