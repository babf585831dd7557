# SPDX-License-Identifier: Apache-2.0
"""`.fairway/declined.yaml`: what it keeps out, what is wrong in it, and how an entry is added."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.images.declined import ABSENT, Declined, Scope, covering, place, read
from policies.images.declining import NotWritable, add, entry, without
from policies.images.setters import Image
from tests.policies.images.made import DIGEST

WEB = "ghcr.io/acme/web"
AT = "2026-11-27T12:00:00Z"
FULL = """\
# ours
version: 1
declined:
- image: ghcr.io/acme/web # slow
  version: "1.10"
  by: octocat
  at: 2026-11-27T12:00:00Z
  pullRequest: 12
  reason: |
    it is slow
- {image: ghcr.io/acme/api, version: 2.0.0, scope: major}
"""


@pytest.mark.parametrize(
    ("declined", "digest", "scope", "tag", "asked", "covered"),
    [
        ("1.2.3", "", "version", "1.2.3", "", True),
        ("1.2.3", "", "version", "1.2.3", DIGEST, True),
        ("1.2.3", DIGEST, "version", "1.2.3", DIGEST, True),
        ("1.2.3", DIGEST, "version", "1.2.3", "", False),
        ("1.2.3", DIGEST, "version", "1.2.3", "sha256:other", False),
        ("1.2.3", "", "version", "v1.2.3", "", False),
        ("1.2.3", "", "version", "1.2.4", "", False),
        ("latest", DIGEST, "version", "latest", DIGEST, True),
        ("1.2.3", "", "minor", "1.2.9", "", True),
        ("1.2.3", "", "minor", "v1.2.4-rc.1", "", True),
        ("1.2.3", "", "minor", "1.3.0", "", False),
        ("1.2.3", "", "minor", "2.2.3", "", False),
        ("1.2.3", "", "major", "1.9.0", "", True),
        ("1.2.3", "", "major", "2.0.0", "", False),
        ("1.2.3", "", "major", "main", "", False),
    ],
)
def test_an_entry_covers_its_scope(
    declined: str, digest: str, scope: Scope, tag: str, asked: str, covered: bool
) -> None:
    made = Declined(image=WEB, version=declined, digest=digest, scope=scope)
    assert made.covers(Image(WEB, tag, asked)) is covered
    assert not made.covers(Image("ghcr.io/acme/api", tag, asked))
    assert covering(Image(WEB, tag, asked), [made]) is (made if covered else None)


def test_a_file_is_read() -> None:
    found = read(FULL.encode())
    assert found.problems == ()
    assert found.entries == (
        Declined.model_validate(
            {
                "image": WEB,
                "version": "1.10",
                "by": "octocat",
                "at": AT,
                "pullRequest": 12,
                "reason": "it is slow\n",
            }
        ),
        Declined(image="ghcr.io/acme/api", version="2.0.0", scope="major"),
    )
    assert [place(found, index).line for index in (0, 1)] == [4, 11]
    assert ABSENT.entries == ()
    assert read(b"version: 1\n").entries == ()


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "it is empty: begin with version: 1, or remove the file"),
        ("declined: []\n", 1, "version is missing: write version: 1"),
        ("version: 2\n", 1, "version: version 2 is not known here: write version: 1"),
        ("version: 1\ndeclines: []\n", 2, "declines: there is no such key here: did you mean declined?"),
        ("version: 1\ndeclined:\n", 2, "declined: it is empty: write a list, or remove it"),
        ("version: 1\ndeclined:\n- web\n", 3, "declined[0]: it is the text 'web': write a mapping"),
        ("version: 1\ndeclined:\n- image: x\n", 3, "declined[0]: version is missing: add it"),
        (
            "version: 1\ndeclined:\n- image: x\n  version: 1.10\n",
            4,
            "declined[0].version: it is a number: put it in quotes",
        ),
        (
            "version: 1\ndeclined:\n- image: x\n  version: a\n  imgae: y\n",
            5,
            "declined[0].imgae: there is no such key here: did you mean image?",
        ),
        (
            "version: 1\ndeclined:\n- image: x\n  version: a\n  zzzz: y\n",
            5,
            "declined[0].zzzz: there is no such key here: known here: image, version, digest, scope, by, at,"
            " pullRequest, reason",
        ),
        (
            "version: 1\ndeclined:\n- image: x\n  version: main\n  scope: minor\n",
            3,
            "declined[0]: 'main' has no minor version: write scope: version",
        ),
        (
            "version: 1\ndeclined:\n- image: x\n  version: v1\n  scope: patch\n",
            5,
            "declined[0].scope: it is 'patch': write version, minor or major",
        ),
        (
            "version: 1\ndeclined:\n- image: x\n  version: v1\n  at: yesterday\n",
            5,
            "declined[0].at: 'yesterday' is no time: write it like 2026-11-28T10:00:00Z",
        ),
        (
            "version: 1\ndeclined:\n- image: x\n  version: v1\n  by: '@octocat'\n",
            5,
            "declined[0].by: '@octocat' is no login: write it without @, as 'octocat'",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, line: int, said: str) -> None:
    found = read(text.encode())
    assert found.entries is None
    assert [(problem.where.line, str(problem)) for problem in found.problems] == [(line, said)]


ADDED = entry(
    Image(WEB, "2.0.0", DIGEST), "version", by="octocat", at=AT, pull_request=7, reason="it\n fails: #1"
)
LINES = f"""\
- image: ghcr.io/acme/web
  version: 2.0.0
  digest: {DIGEST}
  by: octocat
  at: "2026-11-27T12:00:00Z"
  pullRequest: 7
  reason: "it fails: #1"
"""


def indented(by: int) -> str:
    return "".join(f"{' ' * by}{line}" for line in LINES.splitlines(keepends=True))


def test_the_first_entry_makes_the_file() -> None:
    made = add(None, ADDED)
    assert made.decode().endswith(f"\nversion: 1\ndeclined:\n{LINES}")
    assert read(made).entries == (ADDED,)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (FULL, FULL + LINES),
        ("version: 1", f"version: 1\ndeclined:\n{LINES.rstrip()}"),
        ("version: 1\n", f"version: 1\ndeclined:\n{LINES}"),
        ("version: 1\n# none yet\n", f"version: 1\n# none yet\ndeclined:\n{LINES}"),
        ("declined: []  # none\nversion: 1\n", f"declined:  # none\n{LINES}version: 1\n"),
        ("version: 1\ndeclined: [ ]", f"version: 1\ndeclined:\n{LINES.rstrip()}"),
        (
            "version: 1\ndeclined:\n    # x\n  - image: a\n    version: v1\n# end\n",
            f"version: 1\ndeclined:\n    # x\n  - image: a\n    version: v1\n{indented(2)}# end\n",
        ),
        (
            "declined:\n- version: v1\n  image: a # no end\n\nversion: 1\n",
            f"declined:\n- version: v1\n  image: a # no end\n{LINES}\nversion: 1\n",
        ),
        (
            "declined:\n- image: a\n  version: v1\n  reason: |\n    x\n\n    y\nversion: 1\n",
            f"declined:\n- image: a\n  version: v1\n  reason: |\n    x\n\n    y\n{LINES}version: 1\n",
        ),
        (
            "version: 1\ndeclined:\n- image: a\n  version: v1",
            f"version: 1\ndeclined:\n- image: a\n  version: v1\n{LINES.rstrip()}",
        ),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_entry_is_added_and_the_rest_stays(before: str, after: str, end: str) -> None:
    made = add(before.replace("\n", end).encode(), ADDED)
    # One line is no witness of how lines end.
    wanted = after if "\n" not in before else after.replace("\n", end)
    assert made.decode() == wanted
    assert (read(made).entries or ())[-1] == ADDED


@pytest.mark.parametrize(
    ("scope", "there", "again"),
    [
        ("version", Declined(image=WEB, version="2.0.0", digest=DIGEST), True),
        ("version", Declined(image=WEB, version="2.0.0"), True),
        ("version", Declined(image=WEB, version="2.0.9", scope="minor"), True),
        ("version", Declined(image=WEB, version="2.0.0", digest="sha256:b"), False),
        ("minor", Declined(image=WEB, version="2.9.0", scope="major"), True),
        ("minor", Declined(image=WEB, version="2.0.0"), False),
        ("major", Declined(image=WEB, version="2.0.0", scope="minor"), False),
    ],
)
def test_what_is_declined_already_is_not_written_again(scope: Scope, there: Declined, again: bool) -> None:
    text = add(None, there)
    made = entry(Image(WEB, "2.0.0", DIGEST), scope, by="octocat", at=AT)
    assert (add(text, made) is text) is again


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "version: 1\ndeclined: [{image: a, version: v1}]\n",
            "line 2: nothing can be added to it as it is written",
        ),
        ("{version: 1}\n", "line 1: nothing can be added to it"),
        ("version: 1\n...\n", "line 1: nothing can be added to it"),
        ("version: 1\ndeclined: 3\n", "line 2: declined: it is a number: write a list: mend it"),
        ("version: 1\ndeclined:\n\t- x\n", "line 3: it is no YAML"),
    ],
)
def test_a_file_that_cannot_be_added_to_is_refused(text: str, said: str) -> None:
    with pytest.raises(NotWritable) as refused:
        add(text.encode(), ADDED)
    assert str(refused.value).startswith(f".fairway/declined.yaml, {said}")


@pytest.mark.parametrize(("scope", "digest"), [("version", DIGEST), ("minor", ""), ("major", "")])
def test_a_digest_is_only_kept_for_one_version(scope: Scope, digest: str) -> None:
    assert entry(Image(WEB, "2.0.0", DIGEST), scope, by="octocat", at=AT).digest == digest


def test_an_entry_of_a_version_without_numbers_has_no_scope() -> None:
    with pytest.raises(ValueError, match="'main' has no major version"):
        entry(Image(WEB, "main"), "major", by="octocat", at=AT)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.text(max_size=80), st.from_regex(r"[0-9A-Za-z_][0-9A-Za-z_.\-]{0,20}", fullmatch=True)),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_was_said_is_read_again(found: list[tuple[str, str]]) -> None:
    text, wanted = None, []
    for index, (reason, tag) in enumerate(found):
        made = entry(Image(f"{WEB}-{index}", tag), "version", by="a", at=AT, reason=reason)
        wanted.append(made)
        text = add(text, made)
    assert text is not None
    assert read(text).entries == tuple(wanted)


TWICE = (
    FULL
    + """\
# and this one
- image: ghcr.io/acme/www
  version: v1
  pullRequest: 12
"""
)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_a_pull_request_declined_is_taken_out_and_the_rest_stays(end: str) -> None:
    text = TWICE.replace("\n", end).encode()
    found, gone = without(text, 12)
    assert [one.image for one in gone] == [WEB, "ghcr.io/acme/www"]
    assert found.decode() == (
        "# ours\nversion: 1\ndeclined:\n- {image: ghcr.io/acme/api, version: 2.0.0, scope: major}\n"
        "# and this one\n"
    ).replace("\n", end)
    assert without(text, 13) == (text, ())


def test_the_last_one_leaves_an_empty_list() -> None:
    made = entry(Image(WEB, "1", ""), "version", by="octocat", at=AT, pull_request=12)
    before = add(None, made)
    found, gone = without(before, 12)
    assert (found, gone) == (before[: before.index(b"declined:")] + b"declined: []\n", (made,))
    assert add(found, made) == before


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\ndeclined: [{image: x, version: v1, pullRequest: 12}]\n",
        "version: 1\ndeclined:\n  [{image: x, version: v1, pullRequest: 12},\n   {image: y, version: v1}]\n",
        "version: 2\n",
    ],
)
def test_nothing_is_taken_out_of_what_is_no_list_of_lines(text: str) -> None:
    with pytest.raises(NotWritable, match=r"declined\.yaml, line [123]: "):
        without(text.encode(), 12)
