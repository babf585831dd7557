# SPDX-License-Identifier: Apache-2.0
"""What stays out of an artifact is what Flux keeps out."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies.sourceignore import IgnoreRules
from tests.fixtures.oracle import Oracle


def words(text: str) -> list[str]:
    return text.split()


PATHS = [
    *words("""
a.yaml apps/a.yaml apps/web/a.yaml apps/web/deploy/a.yaml deploy/a.yaml deploy/keep.yaml
deploy/sub/keep.yaml .git/config sub/.git/config .gitignore sub/.gitignore .gitmodules .gitattributes
.sourceignore logo.png img/logo.png a.jpg a.jpeg a.gif a.wmv a.flv a.tar.gz a.zip a.PNG tar.gz .tar.gz
.github/workflows/ci.yml sub/.github/x.yml .github .circleci/config.yml .travis.yml sub/.travis.yml
.gitlab-ci.yml appveyor.yml .drone.yml cloudbuild.yaml codeship-services.yml codeship-steps.yml
.goreleaser.yml sub/.goreleaser.yml .sops.yaml a/b/.sops.yaml .flux.yaml a/.flux.yaml a b.yaml
apps/ü.yaml #x !x *.yaml [a].yaml a\\b.yaml abc abc/x abc/x/y x/abc x/abc/y foo/bar/baz foo/x/baz foo/baz
b z-file
"""),
    "a b.yaml",
    "trailing ",
]
ENTRIES = [(path, is_dir) for path in PATHS for is_dir in (False, True)]

TEXTS = [
    "",
    "# only a comment\n",
    "\n  \n\t\n",
    "/*\n!/deploy\n",
    "/*\n!/apps\n/apps/*\n!/apps/web\n",
    "deploy/\n!deploy/keep.yaml\n",
    "deploy\n!deploy/**\n",
    "deploy/**\n!deploy/sub/\n",
    "**/keep.yaml",
    "**/apps/*.yaml",
    "apps/**/a.yaml",
    "apps/**/web/**/a.yaml",
    "abc/**",
    "abc/**/",
    "**/abc/**",
    "**",
    "**/",
    "/**",
    "/",
    "//",
    "a//b",
    "**//abc",
    "foo/**baz",
    "foo**/baz",
    "foo/**/**/baz",
    "*.yaml\n!a.yaml",
    "!a.yaml\n*.yaml",
    "*.y?ml",
    "[ab]*",
    "[^a]*",
    "[!a]*",
    "[a-c]bc",
    "[c-a]bc",
    "[]a]",
    "[a",
    "[",
    "[a-]",
    "[-a]",
    "[^]",
    "[^^]*",
    "[\\]]*",
    "[*]*",
    "a[",
    "a\\",
    "\\a.yaml",
    "\\*.yaml",
    "\\[a].yaml",
    "\\#x",
    "\\!x",
    "#x",
    " #x",
    "!x",
    "!!x",
    "a\\ b.yaml",
    "a b.yaml",
    "trailing\\ ",
    "trailing ",
    "trailing   ",
    "apps/ü.yaml",
    "apps/?.yaml",
    "*.yaml\r\n!a.yaml\r\n",
    "a.yaml\r",
    "x" * 70000 + "\n*.yaml",
    "*.yaml\n" + "x" * 70000,
    "*" * 40 + "b",
    ".git/\n!.git/",
    "!.gitignore",
    "!.github/",
    "*.png\n!img/*.png",
    "/img",
    "img/",
    "img/logo.png/",
    "logo.png/",
    "foo/*/baz",
    "foo/bar",
    "bar/baz",
    "b",
    "z-*",
]


@pytest.mark.parametrize("text", TEXTS, ids=[repr(text[:30]) for text in TEXTS])
@pytest.mark.parametrize("domain", [(), ("deploy",), ("apps", "web")], ids=["root", "deploy", "apps/web"])
def test_an_ignore_file_keeps_out_what_flux_keeps_out(
    oracle: Oracle, text: str, domain: tuple[str, ...]
) -> None:
    rules = IgnoreRules.for_source({domain: text}, None)
    mine = [rules.ignores(path, is_dir) for path, is_dir in ENTRIES]
    theirs = oracle.ignored({domain: text}, "", ENTRIES)
    differing = [entry for entry, a, b in zip(ENTRIES, mine, theirs, strict=True) if a != b]
    assert differing == []


@pytest.mark.parametrize(
    ("files", "ignore"),
    [
        ({}, None),
        ({}, ""),
        ({}, "# nothing"),
        ({}, "*.yaml"),
        ({(): "*.yaml"}, "!a.yaml"),
        ({(): "!a.yaml", ("apps",): "a.yaml"}, None),
        ({("apps",): "a.yaml", ("apps", "web"): "!a.yaml"}, "apps/web/deploy/"),
        ({("deploy",): "/*\n!/keep.yaml"}, None),
        ({(): "[broken"}, None),
    ],
    ids=[
        "defaults",
        "empty",
        "comment",
        "spec",
        "spec over file",
        "nested",
        "three",
        "anchored",
        "malformed only",
    ],
)
def test_files_and_spec_combine_as_in_source_controller(
    oracle: Oracle, files: dict[tuple[str, ...], str], ignore: str | None
) -> None:
    rules = IgnoreRules.for_source(files, ignore)
    assert [rules.ignores(*entry) for entry in ENTRIES] == oracle.ignored(files, ignore or "", ENTRIES)


element = st.sampled_from(
    ["a", "b", "ab", "*", "?", "**", "a*", "*b", "[ab]", "[^a]", "a?b", "***", "", "a**", "\\a"]
)
line = st.builds(
    lambda bang, slash, elements, end: bang + slash + "/".join(elements) + end,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "/"]),
    st.lists(element, min_size=1, max_size=4),
    st.sampled_from(["", "/", " ", "\\ "]),
)
name = st.sampled_from(["a", "b", "ab", "ba", "aab", "c"])
path = st.lists(name, min_size=1, max_size=4).map("/".join)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(line, min_size=1, max_size=4),
    nested=st.lists(line, max_size=2),
    paths=st.lists(st.tuples(path, st.booleans()), min_size=1, max_size=20),
)
def test_any_patterns_and_paths_get_flux_verdict(
    oracle: Oracle, lines: list[str], nested: list[str], paths: list[tuple[str, bool]]
) -> None:
    files = {(): "\n".join(lines), ("a",): "\n".join(nested)}
    rules = IgnoreRules.for_source(files, None)
    assert [rules.ignores(*entry) for entry in paths] == oracle.ignored(files, "", paths)


def test_a_name_that_is_no_utf8_is_matched_byte_by_byte() -> None:
    odd = b"caf\xe9.yaml".decode(errors="surrogateescape")
    assert IgnoreRules.parse("caf?.yaml").ignores(odd)
    assert IgnoreRules.parse(odd).ignores(odd)


def test_a_hostile_pattern_is_matched_in_linear_time() -> None:
    assert not IgnoreRules.parse("*a" * 60 + "*b").ignores("a" * 250)
