# SPDX-License-Identifier: Apache-2.0
"""Revisions are read in every form Flux wrote and written in today's."""

from __future__ import annotations

import pytest

from policies import revisions
from policies.revisions import Revision

SHA = "5394cb7f48332b2de7c17dd8b8384bbc84b7e738"
SHA256 = "5394cb7f48332b2de7c17dd8b8384bbc84b7e7385394cb7f48332b2de7c17dd8"


@pytest.mark.parametrize(
    ("text", "pointer", "sha", "written"),
    [
        (f"main@sha1:{SHA}", "main", SHA, f"main@sha1:{SHA}"),
        (f"feature/a@sha1:{SHA}", "feature/a", SHA, f"feature/a@sha1:{SHA}"),
        (f"refs/pull/4/head@sha1:{SHA}", "refs/pull/4/head", SHA, f"refs/pull/4/head@sha1:{SHA}"),
        (f"user@host@sha1:{SHA}", "user@host", SHA, f"user@host@sha1:{SHA}"),
        (f"main@sha256:{SHA256}", "main", SHA256, f"main@sha256:{SHA256}"),
        (f"sha1:{SHA}", "", SHA, f"sha1:{SHA}"),
        (f"main/{SHA}", "main", SHA, f"main@sha1:{SHA}"),
        (f"feature/a/{SHA}", "feature/a", SHA, f"feature/a@sha1:{SHA}"),
        (f"HEAD/{SHA}", "", SHA, f"sha1:{SHA}"),
        (SHA, "", SHA, f"sha1:{SHA}"),
    ],
)
def test_a_revision_is_read_and_written(text: str, pointer: str, sha: str, written: str) -> None:
    revision = revisions.parse(text)
    assert revision == Revision(sha, pointer)
    assert str(revision) == written
    assert revisions.commit(text) == sha


@pytest.mark.parametrize(
    "text",
    [
        "",
        "main",
        "1.2.3",
        "main@sha1:",
        f"main@sha1:{SHA[:-1]}",
        f"main@sha1:{SHA.upper()}",
        f"main@sha256:{SHA}",
        f"main@sha1:{SHA256}",
        f"latest@sha256:{SHA}",
        f"main@{SHA}",
        f"main:{SHA}",
        SHA[:7],
        f"sha1:{SHA} ",
    ],
)
def test_what_names_no_commit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a Git revision"):
        revisions.parse(text)
    assert revisions.commit(text) is None
    assert revisions.short(text) == text


@pytest.mark.parametrize(
    ("text", "short"),
    [
        (f"main@sha1:{SHA}", "main@sha1:5394cb7"),
        (f"sha1:{SHA}", "sha1:5394cb7"),
        (f"main/{SHA}", "main@sha1:5394cb7"),
        ("6.5.0", "6.5.0"),
    ],
)
def test_people_get_seven_digits(text: str, short: str) -> None:
    assert revisions.short(text) == short


def test_a_revision_of_no_full_commit_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="not a full commit id"):
        str(Revision("abc", "main"))


@pytest.mark.parametrize(
    ("message", "short"),
    [
        ("Add a thing\n\nbecause", "Add a thing"),
        ("ü" * 50, "ü" * 50),
        ("ü" * 51, "ü" * 50 + "..."),
        ("", ""),
    ],
)
def test_a_message_is_cut_as_in_flux_events(message: str, short: str) -> None:
    assert revisions.short_message(message) == short
