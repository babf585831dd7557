# SPDX-License-Identifier: Apache-2.0
"""Repositories, their branches and their refs."""

from __future__ import annotations

from typing import Any

import pygit2

from sandbox.forge import accounts, protection, shapes, teams
from sandbox.forge.api.blueprint import api, caller, paginated, repository
from sandbox.forge.commits import commit, repository_with_owner
from sandbox.forge.errors import ApiError, not_found
from sandbox.forge.state import forge
from sandbox.forge.store import Row


@api.get("/repos/<owner>/<name>")
def get_repository(owner: str, name: str) -> dict[str, Any]:
    """Show a repository."""
    return full(repository(owner, name))


@api.get("/repositories/<int:repository_id>")
def get_repository_by_id(repository_id: int) -> dict[str, Any]:
    """Show a repository by its numeric id, which outlives renames."""
    found = accounts.repository_by_id(forge().store, repository_id)
    if found is None:
        raise not_found()
    caller().require(forge().store, found, "metadata", "read")
    return full(found)


def full(row: Row) -> dict[str, Any]:
    """Return a whole repository, with the caller's rights and what it was forked from."""
    repo, owner = repository_with_owner(forge().store, row["id"])
    answer = shapes.full_repository(forge().site, repo, owner)
    if repo["parent_id"] is not None:
        parent = shapes.repository(forge().site, *repository_with_owner(forge().store, repo["parent_id"]))
        answer |= {"parent": parent, "source": parent}
    user = caller().user
    if user is not None:
        level = accounts.access(forge().store, user["id"], repo)
        answer["permissions"] = teams.permissions(level)
    return answer


def _branches(repo: Row) -> dict[str, str]:
    refs = forge().repositories.refs(repo["id"])
    prefix = "refs/heads/"
    return {ref.removeprefix(prefix): oid for ref, oid in sorted(refs.items()) if ref.startswith(prefix)}


@api.get("/repos/<owner>/<name>/branches")
def list_branches(owner: str, name: str) -> list[dict[str, Any]]:
    """List the branches with the commits they point to."""
    repo = repository(owner, name, permission="contents")
    url = forge().site.api(f"/repos/{repo['full_name']}/commits")
    return [
        {
            "name": branch,
            "commit": {"sha": oid, "url": f"{url}/{oid}"},
            "protected": bool(protection.of_branch(forge().store, repo["id"], branch)),
        }
        for branch, oid in paginated(list(_branches(repo).items()))
    ]


@api.get("/repos/<owner>/<name>/branches/<path:branch>")
def get_branch(owner: str, name: str, branch: str) -> dict[str, Any]:
    """Show a branch with its newest commit."""
    repo = repository(owner, name, permission="contents")
    oid = _branches(repo).get(branch)
    if oid is None:
        raise ApiError(404, "Branch not found")
    found = forge().repositories.open(repo["id"])[oid]
    url = forge().site.api(f"/repos/{repo['full_name']}/branches/{branch}")
    protected_by = protection.of_branch(forge().store, repo["id"], branch)
    return {
        "name": branch,
        "commit": commit(forge().store, forge().site, repo, found),
        "_links": {"self": url, "html": forge().site.web(f"/{repo['full_name']}/tree/{branch}")},
        "protected": bool(protected_by),
        "protection": protection.short(protected_by),
        "protection_url": f"{url}/protection",
    }


@api.get("/repos/<owner>/<name>/git/ref/<path:ref>")
def get_ref(owner: str, name: str, ref: str) -> dict[str, Any]:
    """Show one ref: `heads/main`, `tags/v1`, `pull/1/head`."""
    repo = repository(owner, name, permission="contents")
    refs = _refs(repo)
    if f"refs/{ref}" not in refs:
        raise not_found()
    return ref_shape(repo, f"refs/{ref}", refs[f"refs/{ref}"])


@api.get("/repos/<owner>/<name>/git/matching-refs/<path:ref>")
def list_matching_refs(owner: str, name: str, ref: str) -> list[dict[str, Any]]:
    """List the refs whose names begin so."""
    repo = repository(owner, name, permission="contents")
    found = [(full, oid) for full, oid in sorted(_refs(repo).items()) if full.startswith(f"refs/{ref}")]
    return [ref_shape(repo, full, oid) for full, oid in paginated(found)]


def _refs(repo: Row) -> dict[str, str]:
    refs = forge().repositories.refs(repo["id"], ("refs/",))
    if not refs:
        raise ApiError(409, "Git Repository is empty.")
    return refs


def ref_shape(repo: Row, full: str, oid: str) -> dict[str, Any]:
    """Return a ref by its full name."""
    found = forge().repositories.open(repo["id"])[oid]
    kind = {pygit2.Commit: "commit", pygit2.Tag: "tag", pygit2.Tree: "tree", pygit2.Blob: "blob"}[type(found)]
    api_url = forge().site.api(f"/repos/{repo['full_name']}/git")
    return {
        "ref": full,
        "node_id": shapes.node_id("Ref", f"{repo['id']}:{full}"),
        "url": f"{api_url}/{full}",
        "object": {"sha": oid, "type": kind, "url": f"{api_url}/{kind}s/{oid}"},
    }
