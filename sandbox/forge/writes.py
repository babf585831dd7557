# SPDX-License-Identifier: Apache-2.0
"""Writing to a repository without a push: by the API, a merge button or the sandbox itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pygit2

from sandbox.forge.git import Moving
from sandbox.forge.issues import Actor
from sandbox.forge.smarthttp import pushed
from sandbox.forge.state import forge
from sandbox.forge.store import Row, now


@contextmanager
def writing(repo: Row, actor: Actor, by: Moving = "push") -> Iterator[pygit2.Repository]:
    """Hold the repository while refs are moved; what was moved is told as a push by that actor."""
    repositories = forge().repositories
    with repositories.lock(repo["id"]):
        before = repositories.refs(repo["id"])
        yield repositories.open(repo["id"])
        pushed(repo, before, repositories.refs(repo["id"]), pusher=actor.account, by=by)


def vouch(sha: str) -> None:
    """Note that the forge made a commit for whom it says it is by, so that it shows as verified."""
    forge().store.write("INSERT INTO signed_commits VALUES (?, ?) ON CONFLICT DO NOTHING", sha, now())
