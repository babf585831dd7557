# SPDX-License-Identifier: Apache-2.0
"""Commits and comparisons of them."""

from __future__ import annotations

from typing import Any

import pygit2
from flask import request

from sandbox.forge import commits, git
from sandbox.forge.api.blueprint import api, paginated, repository
from sandbox.forge.errors import ApiError, not_found
from sandbox.forge.state import forge
from sandbox.forge.store import Row


def commit_of(repo: Row, ref: str) -> pygit2.Commit:
    """Return the commit that a sha, branch or tag names, or raise GitHub's refusal."""
    repository = forge().repositories.open(repo["id"])
    if git.is_empty(repository):
        raise ApiError(409, "Git Repository is empty.")
    found = git.resolve(repository, ref)
    if found is None:
        raise ApiError(422, f"No commit found for SHA: {ref}")
    return found


@api.get("/repos/<owner>/<name>/commits")
def list_commits(owner: str, name: str) -> list[dict[str, Any]]:
    """List a branch's commits, newest first: `sha` says from where, `path` only those that touch it."""
    repo = repository(owner, name, permission="contents")
    start = request.args.get("sha") or repo["default_branch"]
    opened = forge().repositories.open(repo["id"])
    if git.is_empty(opened):
        raise ApiError(409, "Git Repository is empty.")
    if git.resolve(opened, start) is None:
        raise not_found()
    walked = list(git.walk(opened, str(commit_of(repo, start).id)))
    if path := request.args.get("path", "").strip("/"):
        walked = [found for found in walked if _touches(opened, found, path)]
    return [commits.commit(forge().store, forge().site, repo, found) for found in paginated(walked)]


def _touches(repository: pygit2.Repository, found: pygit2.Commit, path: str) -> bool:
    paths = [
        side.path for delta in git.diff(repository, found).deltas for side in (delta.old_file, delta.new_file)
    ]
    return any(changed == path or changed.startswith(f"{path}/") for changed in paths)


@api.get("/repos/<owner>/<name>/commits/<path:ref>")
def get_commit(owner: str, name: str, ref: str) -> dict[str, Any]:
    """Show a commit with what it changed."""
    repo = repository(owner, name, permission="contents")
    found = commit_of(repo, ref)
    opened = forge().repositories.open(repo["id"])
    return commits.commit_with_files(forge().store, forge().site, repo, opened, found)


@api.get("/repos/<owner>/<name>/compare/<path:basehead>")
def compare(owner: str, name: str, basehead: str) -> dict[str, Any]:
    """Show how `head` stands to `base`, as `base...head`."""
    repo = repository(owner, name, permission="contents")
    base_ref, dots, head_ref = basehead.partition("...")
    opened = forge().repositories.open(repo["id"])
    base, head = git.resolve(opened, base_ref), git.resolve(opened, head_ref)
    if not dots or base is None or head is None:
        raise not_found()
    root = opened.merge_base(base.id, head.id)
    if root is None:
        raise ApiError(404, f"No common ancestor between {base_ref} and {head_ref}.")
    return _comparison(repo, opened, base, head, opened[root])


def _comparison(
    repo: Row, opened: pygit2.Repository, base: pygit2.Commit, head: pygit2.Commit, root: pygit2.Commit
) -> dict[str, Any]:
    store, site = forge().store, forge().site
    ahead, behind = opened.ahead_behind(head.id, base.id)
    status = {(False, False): "identical", (True, False): "ahead", (False, True): "behind"}
    page = site.web(f"/{repo['full_name']}/compare/{base.id}...{head.id}")
    listed = list(git.walk(opened, str(head.id), hide=[str(base.id)]))[::-1]
    return {
        "url": site.api(f"/repos/{repo['full_name']}/compare/{base.id}...{head.id}"),
        "html_url": page,
        "permalink_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "base_commit": commits.commit(store, site, repo, base),
        "merge_base_commit": commits.commit(store, site, repo, root),
        "status": status.get((ahead > 0, behind > 0), "diverged"),
        "ahead_by": ahead,
        "behind_by": behind,
        "total_commits": ahead,
        "commits": [commits.commit(store, site, repo, found) for found in paginated(listed)],
        "files": commits.changed_files(site, repo, root.tree.diff_to_tree(head.tree), str(head.id)),
    }
