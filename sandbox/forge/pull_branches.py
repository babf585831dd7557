# SPDX-License-Identifier: Apache-2.0
"""How a pull request's two branches stand to each other: its commits, what it changes, whether it merges.

`refs/pull/N/head` and `refs/pull/N/merge` are kept in the repository that it goes to, so that a pull request
outlives its branch and what comes from a fork can be read there.
"""

from __future__ import annotations

import pygit2
from pygit2.enums import DiffFind

from sandbox.forge import git, merging, pulls
from sandbox.forge.state import forge
from sandbox.forge.store import Row


def tip(repository_id: int, branch: str) -> str | None:
    """Return the commit that a branch points to, or None when there is no such branch."""
    ref = f"refs/heads/{branch}"
    if not pygit2.reference_is_valid_name(ref):
        return None
    found = forge().repositories.open(repository_id).references.get(ref)
    return str(found.target) if found is not None else None


def bring(repository_id: int, source_id: int, branch: str) -> None:
    """See to it that a repository has the commits of another one's branch."""
    if source_id != repository_id:
        forge().repositories.fetch(repository_id, source_id, f"refs/heads/{branch}")


def commits_between(repository_id: int, base: str, head: str) -> list[str]:
    """Return the ids of the commits that a head has and a base does not, oldest first."""
    opened = forge().repositories.open(repository_id)
    return [str(found.id) for found in git.walk(opened, head, hide=[base])][::-1]


def take_head(pull_id: int, head: str) -> None:
    """Take over where a pull request's head is now, and look anew at what it amounts to."""
    state = forge()
    pull = pulls.existing_pull(state.store, pull_id)
    bring(pull["repository_id"], pull["head_repository_id"], pull["head_ref"])
    opened = state.repositories.open(pull["repository_id"])
    opened.references.create(f"refs/pull/{pull['number']}/head", head, force=True)
    base = tip(pull["repository_id"], pull["base_ref"]) or pull["base_sha"]
    # Histories without a common commit are compared from the base.
    root = str(opened.merge_base(base, head) or base)
    with state.store.transaction():
        pulls.set_commits(state.store, pull_id, commits_between(pull["repository_id"], base, head))
        pulls.change(
            state.store, pull_id, head_sha=head, base_sha=base, root_sha=root, mergeable=None,
            merge_commit_sha=None, **_stats(changes(opened, root, head)),
        )  # fmt: skip
    test_merge(pulls.existing_pull(state.store, pull_id))


def changes(opened: pygit2.Repository, root: str, head: str) -> pygit2.Diff:
    """Return what a head changes against the commit where it parted from its base, renames found."""
    found = opened[root].tree.diff_to_tree(opened[head].tree)
    found.find_similar(DiffFind.FIND_RENAMES)
    return found


def _stats(diff: pygit2.Diff) -> dict[str, int]:
    stats = diff.stats
    return {
        "additions": stats.insertions,
        "deletions": stats.deletions,
        "changed_files": stats.files_changed,
    }


def test_merge(pull: Row) -> str | None:
    """Merge the branches under `refs/pull/N/merge`, which no branch shows; None where they conflict."""
    opened = forge().repositories.open(pull["repository_id"])
    ref, head = f"refs/pull/{pull['number']}/merge", pull["head_sha"]
    base = tip(pull["repository_id"], pull["base_ref"])
    tree = merging.merged_tree(opened, base, head) if base else None
    if base is None or tree is None:
        drop_test_merge(pull)
        return None
    message = f"Merge {head} into {base}"
    made = merging.commit(opened, tree, [base, head], message=message, author=merging.WEB)
    opened.references.create(ref, made, force=True)
    return made


def drop_test_merge(pull: Row) -> None:
    """Remove `refs/pull/N/merge`, if it is there."""
    references = forge().repositories.open(pull["repository_id"]).references
    if (ref := f"refs/pull/{pull['number']}/merge") in references:
        references.delete(ref)
