# SPDX-License-Identifier: Apache-2.0
"""Refs: made, moved and deleted; each of it is a push that Apps hear of."""

from __future__ import annotations

from typing import Any

import pygit2

from sandbox.forge import git
from sandbox.forge.api.blueprint import actor, api, body
from sandbox.forge.api.gitdata import writable
from sandbox.forge.api.repos import ref_shape
from sandbox.forge.errors import ApiError
from sandbox.forge.writes import writing


def _checked(full: str) -> str:
    if not full.startswith("refs/") or full.count("/") < 2 or not pygit2.reference_is_valid_name(full):
        raise ApiError(422, f"{full} is not a valid ref name.")
    if not full.startswith(("refs/heads/", "refs/tags/")):
        raise ApiError(422, f"{full} is read-only: this forge takes branches and tags.")
    return full


def _target(opened: pygit2.Repository, sha: Any) -> str:
    found = opened.get(sha) if isinstance(sha, str) and len(sha) == 40 else None
    if not isinstance(found, pygit2.Commit | pygit2.Tag):
        raise ApiError(422, "Object does not exist")
    return str(found.id)


@api.post("/repos/<owner>/<name>/git/refs")
def create_ref(owner: str, name: str) -> tuple[dict[str, Any], int]:
    """Make a branch or tag, named in full."""
    repo, opened = writable(owner, name)
    asked = body()
    if git.is_empty(opened):
        raise ApiError(409, "Git Repository is empty.")
    full, sha = _checked(str(asked.get("ref"))), _target(opened, asked.get("sha"))
    with writing(repo, actor()) as held:
        if full in held.references:
            raise ApiError(422, "Reference already exists")
        try:
            held.references.create(full, sha)
        except (git.GitError, OSError, ValueError) as error:
            # `a` and `a/b` cannot both be branches.
            raise ApiError(422, f"{full} cannot be made beside the refs there are") from error
    return ref_shape(repo, full, sha), 201


@api.patch("/repos/<owner>/<name>/git/refs/<path:ref>")
def update_ref(owner: str, name: str, ref: str) -> dict[str, Any]:
    """Move a branch or tag; backwards or sideways only with `force`."""
    repo, opened = writable(owner, name)
    asked = body()
    full, sha = _checked(f"refs/{ref}"), _target(opened, asked.get("sha"))
    with writing(repo, actor()) as held:
        if full not in held.references:
            raise ApiError(422, "Reference does not exist")
        before, after = (git.peel(held, oid) for oid in (str(held.references[full].target), sha))
        forward = before is not None and after is not None and git.contains(held, after.id, before.id)
        if not forward and asked.get("force") is not True:
            raise ApiError(422, "Update is not a fast forward")
        held.references.create(full, sha, force=True)
    return ref_shape(repo, full, sha)


@api.delete("/repos/<owner>/<name>/git/refs/<path:ref>")
def delete_ref(owner: str, name: str, ref: str) -> tuple[str, int]:
    """Delete a branch or tag; the default branch stays."""
    repo, _ = writable(owner, name)
    full = _checked(f"refs/{ref}")
    with writing(repo, actor()) as held:
        if full not in held.references:
            raise ApiError(422, "Reference does not exist")
        if full == f"refs/heads/{repo['default_branch']}":
            raise ApiError(422, "Cannot delete the default branch")
        held.references.delete(full)
    return "", 204
