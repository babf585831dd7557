# SPDX-License-Identifier: Apache-2.0
"""Revisions: how Flux's statuses name a commit and the ref it came from.

`main@sha1:<commit>`, `refs/pull/4/head@sha1:<commit>` or, without a ref, `sha1:<commit>`. Objects written
by old Flux versions, and people in annotations, also use `main/<commit>` and the bare commit; those are
read, never written.
"""

from __future__ import annotations

from dataclasses import dataclass

_ALGORITHMS = {40: "sha1", 64: "sha256"}
_HEX = frozenset("0123456789abcdef")
_SHORT = 7
_SUBJECT = 50


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit, and the branch, tag or full ref name it was found under (empty when none was asked for)."""

    sha: str
    pointer: str = ""

    def __str__(self) -> str:
        digest = f"{algorithm(self.sha)}:{self.sha}"
        return f"{self.pointer}@{digest}" if self.pointer else digest

    @property
    def short(self) -> str:
        """The revision as people read it: the same, with the commit cut to seven digits."""
        digest = f"{algorithm(self.sha)}:{self.sha[:_SHORT]}"
        return f"{self.pointer}@{digest}" if self.pointer else digest


def algorithm(sha: str) -> str:
    """Return the hash algorithm that a full commit id was made with; raises ValueError for anything else."""
    if not is_commit(sha):
        raise ValueError(f"not a full commit id: {sha!r}")
    return _ALGORITHMS[len(sha)]


def is_commit(text: str) -> bool:
    """Tell whether the text is a full commit id, SHA-1 or SHA-256, in lower case."""
    return len(text) in _ALGORITHMS and _HEX.issuperset(text)


def parse(text: str) -> Revision:
    """Read a revision in any form that Flux ever wrote; raises ValueError when it names no Git commit."""
    head, colon, sha = text.rpartition(":")
    if colon:
        pointer, at, named = head.rpartition("@")
        if not at:
            named = head
        if not is_commit(sha) or named != algorithm(sha):
            raise ValueError(f"not a Git revision: {text!r}")
        return Revision(sha, pointer)
    pointer, _, sha = text.rpartition("/")
    if not is_commit(sha):
        raise ValueError(f"not a Git revision: {text!r}")
    return Revision(sha, "" if pointer == "HEAD" else pointer)


def commit(text: str) -> str | None:
    """Return the commit id in a revision, or None when it holds none (a chart version, an OCI tag)."""
    try:
        return parse(text).sha
    except ValueError:
        return None


def short(text: str) -> str:
    """Shorten a revision for people: `main@sha1:3f2a91c`; what is no Git revision is returned as it is."""
    try:
        return parse(text).short
    except ValueError:
        return text


def short_message(message: str) -> str:
    """Return a commit's subject as Flux's events quote it: the first line, cut to 50 characters."""
    subject = message.split("\n", 1)[0]
    return f"{subject[:_SUBJECT]}..." if len(subject) > _SUBJECT else subject
