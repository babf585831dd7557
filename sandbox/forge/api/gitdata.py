# SPDX-License-Identifier: Apache-2.0
"""Git's own objects: blobs, trees and commits."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any

import pygit2
from flask import request

from sandbox.forge import commits, git, merges, merging, shapes, trees
from sandbox.forge.api.blueprint import actor, api, body, caller, repository
from sandbox.forge.errors import ApiError, invalid, not_found
from sandbox.forge.state import forge
from sandbox.forge.store import Row
from sandbox.forge.writes import vouch

_TYPES = {pygit2.Blob: "blob", pygit2.Tree: "tree", pygit2.Commit: "commit"}


def writable(owner: str, name: str) -> tuple[Row, pygit2.Repository]:
    """Return a repository whose contents the caller may write, opened."""
    repo = repository(owner, name, permission="contents", level="write")
    return repo, forge().repositories.open(repo["id"])


def _opened(owner: str, name: str) -> tuple[Row, pygit2.Repository]:
    repo = repository(owner, name, permission="contents")
    return repo, forge().repositories.open(repo["id"])


def _not_empty(opened: pygit2.Repository) -> None:
    if git.is_empty(opened):
        raise ApiError(409, "Git Repository is empty.")


def _object(opened: pygit2.Repository, sha: Any, kind: type) -> Any:
    found = opened.get(sha) if isinstance(sha, str) and len(sha) == 40 else None
    return found if isinstance(found, kind) else None


def _url(repo: Row, path: str) -> str:
    return forge().site.api(f"/repos/{repo['full_name']}/git/{path}")


@api.post("/repos/<owner>/<name>/git/blobs")
def create_blob(owner: str, name: str) -> tuple[dict[str, Any], int]:
    """Store a file's content, which is text or base64."""
    repo, opened = writable(owner, name)
    asked = body()
    sha = str(opened.create_blob(decoded(asked.get("content"), asked.get("encoding") or "utf-8")))
    return {"sha": sha, "url": _url(repo, f"blobs/{sha}")}, 201


def decoded(content: Any, encoding: str) -> bytes:
    """Return the bytes that a request's content stands for, or refuse it."""
    if not isinstance(content, str):
        raise invalid("Blob", "content", "content is missing")
    if encoding == "utf-8":
        return content.encode()
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except binascii.Error:
        raise ApiError(422, "content is not valid Base64") from None


@api.get("/repos/<owner>/<name>/git/blobs/<sha>")
def get_blob(owner: str, name: str, sha: str) -> dict[str, Any]:
    """Show a file's content."""
    repo, opened = _opened(owner, name)
    found = _object(opened, sha, pygit2.Blob)
    if found is None:
        raise not_found()
    return {
        "sha": sha,
        "node_id": shapes.node_id("Blob", f"{repo['id']}:{sha}"),
        "size": found.size,
        "url": _url(repo, f"blobs/{sha}"),
        "content": encoded(found.data),
        "encoding": "base64",
    }


def encoded(content: bytes) -> str:
    """Return bytes as GitHub shows a file's: base64 in lines."""
    return base64.encodebytes(content).decode()


@api.get("/repos/<owner>/<name>/git/trees/<path:sha>")
def get_tree(owner: str, name: str, sha: str) -> dict[str, Any]:
    """Show a folder, by its own id or that of a commit or branch; `recursive` with all that is in it."""
    repo, opened = _opened(owner, name)
    _not_empty(opened)
    tree = _object(opened, sha, pygit2.Tree)
    if tree is None and (commit := git.resolve(opened, sha)) is not None:
        tree = commit.tree
    if tree is None:
        raise not_found()
    return _tree(repo, tree, recursive="recursive" in request.args)


def _tree(repo: Row, tree: pygit2.Tree, *, recursive: bool = False) -> dict[str, Any]:
    entries = _entries(repo, tree, "", recursive=recursive)
    return {"sha": str(tree.id), "url": _url(repo, f"trees/{tree.id}"), "tree": entries, "truncated": False}


def _entries(repo: Row, tree: pygit2.Tree, folder: str, *, recursive: bool) -> list[dict[str, Any]]:
    found = []
    for entry in tree:
        kind = _TYPES.get(type(entry), "commit")
        shown = {"path": folder + entry.name, "mode": f"{entry.filemode:06o}", "type": kind}
        shown |= {"sha": str(entry.id)} | ({"size": entry.size} if kind == "blob" else {})
        # A submodule's commit lies elsewhere.
        found.append(shown | ({} if kind == "commit" else {"url": _url(repo, f"{kind}s/{entry.id}")}))
        if recursive and kind == "tree":
            found += _entries(repo, entry, f"{folder}{entry.name}/", recursive=True)
    return found


@api.post("/repos/<owner>/<name>/git/trees")
def create_tree(owner: str, name: str) -> tuple[dict[str, Any], int]:
    """Make a folder from entries, on top of `base_tree` if there is one."""
    repo, opened = writable(owner, name)
    _not_empty(opened)
    asked, base = body(), None
    if wanted := asked.get("base_tree"):
        found = opened.get(wanted) if isinstance(wanted, str) and len(wanted) == 40 else None
        base = found.tree if isinstance(found, pygit2.Commit) else found
        if not isinstance(base, pygit2.Tree):
            raise ApiError(422, f"base_tree {wanted} is not a valid tree oid")
    try:
        made = trees.build(opened, base, asked.get("tree") or [])
    except trees.BadEntry as error:
        raise ApiError(422, str(error)) from error
    return _tree(repo, opened[made]), 201


@api.post("/repos/<owner>/<name>/git/commits")
def create_commit(owner: str, name: str) -> tuple[dict[str, Any], int]:
    """Make a commit that no branch has yet.

    What an App commits as itself, naming neither author nor committer, is signed by GitHub and so verified.
    """
    repo, opened = writable(owner, name)
    _not_empty(opened)
    asked = body()
    tree, parents = asked.get("tree"), asked.get("parents") or []
    if not isinstance(asked.get("message"), str):
        raise invalid("Commit", "message", "message is missing")
    if _object(opened, tree, pygit2.Tree) is None:
        raise ApiError(422, "Tree SHA does not exist")
    for parent in parents:
        if _object(opened, parent, pygit2.Commit) is None:
            raise ApiError(422, "Parent SHA does not exist or is not a commit object")
    itself = merging.signature(merges.identity(actor().account))
    author = _signature(asked.get("author")) or itself
    committer = _signature(asked.get("committer")) or author
    vouched = caller().installation is not None and not asked.get("author") and not asked.get("committer")
    if vouched:
        committer = merging.signature(merging.WEB)
    made = opened.create_commit(None, author, committer, asked["message"], tree, parents)
    if vouched:
        vouch(str(made))
    return _commit(repo, opened[made]), 201


def _signature(given: Any) -> pygit2.Signature | None:
    if not given:
        return None
    if not isinstance(given, dict) or not given.get("name") or not given.get("email"):
        raise ApiError(422, "Invalid request.\n\nauthor and committer need a name and an email.")
    if not given.get("date"):
        return merging.signature(git.Identity(given["name"], given["email"]))
    try:
        moment = datetime.fromisoformat(given["date"])
    except ValueError:
        raise ApiError(422, f"Invalid request.\n\n{given['date']} is not a date.") from None
    offset = moment.utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset else 0
    return pygit2.Signature(given["name"], given["email"], int(moment.timestamp()), minutes)


def _commit(repo: Row, found: pygit2.Commit) -> dict[str, Any]:
    whole = commits.commit(forge().store, forge().site, repo, found)
    inner = {
        name: whole["commit"][name] for name in ("author", "committer", "message", "tree", "verification")
    }
    page = forge().site.web(f"/{repo['full_name']}/commit")
    parents = [
        {"sha": str(id), "url": _url(repo, f"commits/{id}"), "html_url": f"{page}/{id}"}
        for id in found.parent_ids
    ]
    named = {name: whole[name] for name in ("sha", "node_id", "html_url")}
    return named | inner | {"url": _url(repo, f"commits/{found.id}"), "parents": parents}


@api.get("/repos/<owner>/<name>/git/commits/<sha>")
def get_git_commit(owner: str, name: str, sha: str) -> dict[str, Any]:
    """Show a commit as Git has it."""
    repo, opened = _opened(owner, name)
    found = _object(opened, sha, pygit2.Commit)
    if found is None:
        raise not_found()
    return _commit(repo, found)
