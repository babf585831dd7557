# SPDX-License-Identifier: Apache-2.0
"""What a push does to pull requests: heads move, bases move, and what was merged by hand is merged."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.forge import git, merging, pull_requests, pulls, telling
from sandbox.forge.git import ZERO, RefChange
from sandbox.forge.issues import Actor
from sandbox.forge.state import forge
from sandbox.forge.store import Row


def follow(repo: Row, moved: Iterable[RefChange], actor: Actor, *, hold: bool) -> None:
    """Let the open pull requests of moved branches follow, under the repository's lock."""
    branches = {
        change.ref.removeprefix("refs/heads/"): change
        for change in moved
        if change.ref.startswith("refs/heads/")
    }
    # Bases first: a push that moves both branches to the same commit merges, and leaves no head to follow.
    for branch, change in branches.items():
        for pull in pulls.open_into(forge().store, repo["id"], branch):
            _follow_base(pull, change, actor, hold=hold)
    for branch, change in branches.items():
        for pull in pulls.open_from(forge().store, repo["id"], branch):
            if change.after == ZERO:
                pull_requests.close(pull, actor, hold=hold)
            else:
                pull_requests.synchronize(pull, actor, change.after, hold=hold)


def _follow_base(pull: Row, change: RefChange, actor: Actor, *, hold: bool) -> None:
    state, head = forge(), pull["head_sha"]
    opened = state.repositories.open(pull["repository_id"])
    if change.after == ZERO:
        pull_requests.close(pull, actor, hold=hold)
    elif git.contains(opened, change.after, head):
        sha = merging.introducing(opened, change.before, change.after, head)
        pull_requests.record_merge(pull, actor, sha, base_sha=change.before)
        telling.pull_request("closed", pull["id"], sender=actor.account, hold=hold)
    else:
        pulls.change(state.store, pull["id"], mergeable=None)
