# SPDX-License-Identifier: Apache-2.0
"""What a pull request says of itself is found again, and says nothing where it cannot be understood."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policies.images.declined import covering
from policies.images.record import Record, declined_by, line, put, read
from policies.images.setters import Image

WEB = Image("ghcr.io/acme/web", "6.9.1", "sha256:" + "a" * 64)
RECORD = Record("b" * 40, {"apps:web": WEB})


@example("", "---", "version")
@given(st.text(max_size=40), st.text(min_size=1, max_size=40), st.sampled_from(["version", "minor", "major"]))
def test_what_is_written_is_read(policy: str, name: str, scope: str) -> None:
    record = Record("b", {policy: Image(name, "1.0.0", "")}, scope)  # type: ignore[arg-type]
    shown = line(record)
    assert "\n" not in shown
    assert shown.index("-->") == len(shown) - 3
    assert "--" not in shown[4:-3]
    assert read(f"Title\r\n\r\n{shown}\r\n") == record


@pytest.mark.parametrize(
    "body",
    [
        "",
        "nothing hidden",
        "<!-- fairway:images {} -->",
        "<!-- fairway:images {broken -->",
        '<!-- fairway:images {"base":"b","images":[]} -->',
        '<!-- fairway:images {"base":"b","images":{"a:b":{"name":"x"}}} -->',
        '<!-- fairway:images {"base":"b","images":{"a:b":{"name":"x","tag":1}}} -->',
        '<!-- fairway:images {"base":"b","images":{},"scope":"everything"} -->',
        '> <!-- fairway:images {"base":"b","images":{}} -->',
        '<!-- fairway:images {"base":"b","images":{"a:b":{"name":"\\ud800","tag":"1"}}} -->',
        line(Record("b", {"a:b": Image("x", "1", "d" * 201)})),
    ],
)
def test_what_cannot_be_understood_says_nothing(body: str) -> None:
    assert read(body) is None


def test_a_branch_is_made_anew_only_with_the_head_that_was_meant() -> None:
    ordered = replace(RECORD, anew="a" * 40)
    assert read(line(ordered)) == ordered
    assert ordered.wants_anew("a" * 40)
    assert not ordered.wants_anew("b" * 40)
    assert not ordered.wants_anew("")
    assert not RECORD.wants_anew("")
    assert read(line(RECORD).replace('"base"', '"anew":true,"base"')) == RECORD


def test_the_state_of_its_files_is_kept() -> None:
    known = replace(RECORD, files="0123456789abcdef")
    assert read(line(known)) == known
    assert '"files"' not in line(RECORD)
    assert read(line(known).replace('"0123456789abcdef"', "[]")) == RECORD


def test_another_one_takes_its_place_and_the_rest_stays() -> None:
    body = f"Above\n{line(RECORD)}\nbelow"
    wider = Record(RECORD.base, RECORD.images, "minor")
    assert put(body, wider) == f"Above\n{line(wider)}\nbelow"
    assert read(put("somebody took it away", RECORD)) == RECORD


@pytest.mark.parametrize(
    ("scope", "tag", "digest", "covered"),
    [
        ("version", "6.9.1", WEB.digest, True),
        ("version", "6.9.1", "sha256:" + "b" * 64, False),
        ("version", "6.9.2", "", False),
        ("minor", "6.9.2", "", True),
        ("minor", "6.10.0", "", False),
        ("major", "6.10.0", "", True),
        ("major", "7.0.0", "", False),
    ],
)
def test_closed_it_declines_what_it_proposed(scope: str, tag: str, digest: str, covered: bool) -> None:
    declined = declined_by([Record("b", {"apps:web": WEB}, scope)])  # type: ignore[arg-type]
    assert bool(covering(Image(WEB.name, tag, digest), declined)) is covered
    assert covering(Image("ghcr.io/acme/api", tag, digest), declined) is None


def test_what_has_no_minor_version_declines_itself() -> None:
    (one,) = Record("b", {"apps:web": Image("x/web", "latest", "")}, "minor").declined()
    assert (one.version, one.scope) == ("latest", "version")


def test_one_that_we_closed_declines_nothing() -> None:
    assert declined_by([Record("b" * 40)]) == ()
    assert read(put(line(RECORD), Record("b" * 40))) == Record("b" * 40)
