# SPDX-License-Identifier: Apache-2.0
"""Merges without a working tree: what the branches amount to, and the commits of the three merge methods."""

from __future__ import annotations

import time

import pygit2

from sandbox.forge.git import Identity

# Whoever clicks, GitHub commits: it is the committer of what is made on its pages and by Apps.
WEB = Identity("GitHub", "noreply@github.com")


def merged_tree(repository: pygit2.Repository, base: str, head: str) -> str | None:
    """Return the id of the tree that both sides make together, or None where they conflict."""
    index = repository.merge_commits(base, head)
    return None if index.conflicts is not None else str(index.write_tree(repository))


def commit(
    repository: pygit2.Repository,
    tree: str,
    parents: list[str],
    *,
    message: str,
    author: Identity,
    committer: Identity = WEB,
) -> str:
    """Make a commit that no branch has yet and return its id."""
    return str(
        repository.create_commit(None, signature(author), signature(committer), message, tree, parents)
    )


def signature(who: Identity) -> pygit2.Signature:
    """Return somebody's signature of this moment."""
    return pygit2.Signature(who.name, who.email, int(time.time()), 0)


def rebase(
    repository: pygit2.Repository, base: str, shas: list[str], *, committer: Identity
) -> list[str] | None:
    """Make commits anew on top of `base`, merges left out; returns their ids, or None at a conflict."""
    made: list[str] = []
    for sha in shas:
        original, tip = repository[sha], repository[made[-1] if made else base]
        if len(original.parents) != 1:
            continue
        index = repository.merge_trees(original.parents[0].tree, tip.tree, original.tree)
        if index.conflicts is not None:
            return None
        tree = index.write_tree(repository)
        by = signature(committer)
        oid = repository.create_commit(None, original.author, by, original.message, tree, [tip.id])
        made.append(str(oid))
    return made


def introducing(repository: pygit2.Repository, before: str, after: str, sha: str) -> str:
    """Return the commit of a branch's first-parent line with which `sha` came into it."""
    found, current = after, repository[after]
    while str(current.id) != before and current.parents:
        parent = current.parents[0]
        if parent.id != repository[sha].id and not repository.descendant_of(parent.id, sha):
            break
        found, current = str(parent.id), parent
    return found
