# SPDX-License-Identifier: Apache-2.0
"""What became of a commit: applied itself, part of a later one, lost by its branch, or followed by nobody."""

from __future__ import annotations

import pytest

from policies.commit_status import Applied, Source, State
from policies.objects import Object
from policies.pull_request import Fate, Outcome, outcome
from tests.policies.made import OTHER, OTHER_REVISION, REVISION, SHA, applied, git_repository


def source(revision: str | None, kustomization: Object | None = None) -> Source:
    return Source(git_repository(revision=revision), [Applied(kustomization)] if kustomization else [])


def judged(
    *sources: Source, contains: bool | None = False, passed_by: bool = False, given_up: bool = False
) -> Outcome:
    return outcome(
        SHA, sources, contains=lambda _: contains, passed_by=lambda _: passed_by, given_up=lambda: given_up
    )


LATER = applied(lastAttemptedRevision=OTHER_REVISION, lastAppliedRevision=OTHER_REVISION)


@pytest.mark.parametrize(
    ("found", "fate", "sha", "state", "text"),
    [
        (judged(), Fate.UNFOLLOWED, SHA, State.SUCCESS, "nothing applies it"),
        (judged(source(REVISION, applied())), Fate.ITSELF, SHA, State.SUCCESS, "Applied 3f2a91c, healthy"),
        (judged(source(None)), Fate.ITSELF, SHA, State.PENDING, "to fetch 3f2a91c"),
        (judged(source(OTHER_REVISION)), Fate.ITSELF, SHA, State.PENDING, "to fetch 3f2a91c"),
        (
            judged(source(OTHER_REVISION, LATER), contains=True),
            Fate.OVERTAKEN,
            OTHER,
            State.SUCCESS,
            "Overtaken by b7d0e11",
        ),
        (
            judged(source(OTHER_REVISION, applied()), contains=True, passed_by=True),
            Fate.OVERTAKEN,
            OTHER,
            State.PENDING,
            "Waits for Kustomization apps/web",
        ),
        (judged(source(OTHER_REVISION), passed_by=True), Fate.REPLACED, OTHER, State.FAILURE, "replaced it"),
        (
            judged(source(OTHER_REVISION), contains=None, passed_by=True),
            Fate.ITSELF,
            SHA,
            State.PENDING,
            "Waits for the Git host to tell whether b7d0e11 contains 3f2a91c",
        ),
        (
            judged(source(OTHER_REVISION), contains=None, given_up=True),
            Fate.ITSELF,
            SHA,
            State.FAILURE,
            "Not known whether b7d0e11",
        ),
    ],
)
def test_what_became_of_a_commit(found: Outcome, fate: Fate, sha: str, state: State, text: str) -> None:
    assert (found.fate, found.sha, found.verdict.state) == (fate, sha, state)
    assert text in found.verdict.text
    assert found.final is (state is not State.PENDING)


def test_history_is_asked_only_when_it_matters() -> None:
    def never(*_: Source) -> bool:
        raise AssertionError("asked")

    there = source(REVISION, applied())
    assert outcome(SHA, [there], contains=never, passed_by=never, given_up=never).fate is Fate.ITSELF
    nothing = outcome(SHA, [source(None)], contains=never, passed_by=never, given_up=never)
    assert nothing.fate is Fate.ITSELF
