# SPDX-License-Identifier: Apache-2.0
"""Which commit of its branch carries another one now, and how that went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from policies import commit_status
from policies.commit_status import Source, Verdict


class Fate(Enum):
    """What became of a commit on the way to the cluster."""

    ITSELF = auto()  # it is what the sources have, or is waited for
    OVERTAKEN = auto()  # a later commit that contains it is there
    REPLACED = auto()  # its branch does not contain it any more
    UNFOLLOWED = auto()  # nothing follows the branch


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on a commit; `sha` is the commit that it is about, which may be a later one."""

    fate: Fate
    sha: str
    verdict: Verdict

    @property
    def final(self) -> bool:
        return self.fate is Fate.UNFOLLOWED or self.verdict.final


def outcome(
    sha: str,
    sources: Sequence[Source],
    *,
    contains: Callable[[Source], bool | None],
    passed_by: Callable[[Source], bool],
    given_up: Callable[[], bool],
) -> Outcome:
    """Judge a commit by the sources that follow its ref.

    `contains` tells whether what a source has now contains the commit (None: not known), `given_up`
    whether that was not known for long enough, and `passed_by` whether the source has looked since the commit
    was there; each is asked only when it matters.
    """
    if not sources:
        return Outcome(Fate.UNFOLLOWED, sha, commit_status.of_commit(sha, ()))
    elsewhere = next((source for source in sources if source.sha and source.sha != sha), None)
    if elsewhere is None:
        return Outcome(Fate.ITSELF, sha, commit_status.of_commit(sha, sources))
    contained = contains(elsewhere)
    if contained is None:
        return Outcome(Fate.ITSELF, sha, commit_status.unknown(sha, elsewhere.sha, final=given_up()))
    if contained:
        later = commit_status.of_commit(elsewhere.sha, sources)
        verdict = commit_status.overtaken(sha, elsewhere.sha, later)
        return Outcome(Fate.OVERTAKEN, elsewhere.sha, verdict)
    if passed_by(elsewhere):
        return Outcome(Fate.REPLACED, elsewhere.sha, commit_status.replaced(elsewhere.sha))
    return Outcome(Fate.ITSELF, sha, commit_status.of_commit(sha, sources))
