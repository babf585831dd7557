# SPDX-License-Identifier: Apache-2.0
"""Files and folders at a ref, and commits of one file."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pygit2
from flask import request
from pygit2.enums import FileMode

from sandbox.forge import commits, git, merges, merging, pull_branches
from sandbox.forge.api.blueprint import actor, api, body, repository
from sandbox.forge.api.gitdata import decoded, encoded, writable
from sandbox.forge.errors import ApiError, invalid, not_found
from sandbox.forge.state import forge
from sandbox.forge.store import Row
from sandbox.forge.writes import vouch, writing

# GitHub shows the content of no larger file here.
_LARGEST = 1024 * 1024


@api.get("/repos/<owner>/<name>/contents/")
@api.get("/repos/<owner>/<name>/contents/<path:path>")
def get_contents(owner: str, name: str, path: str = "") -> Any:
    """Show a file with its content, or list a folder, at `ref` or the default branch."""
    repo = repository(owner, name, permission="contents")
    ref = request.args.get("ref") or repo["default_branch"]
    opened = forge().repositories.open(repo["id"])
    commit = git.resolve(opened, ref)
    if commit is None:
        raise ApiError(404, f"No commit found for the ref {ref}")
    path = path.strip("/")
    found = _at(commit, path)
    if isinstance(found, pygit2.Tree):
        inside = [f"{path}/{entry.name}" if path else entry.name for entry in found]
        return [_entry(repo, ref, where, entry) for where, entry in zip(inside, found, strict=True)]
    if found is None:
        raise not_found()
    return _entry(repo, ref, path, found) | _content(found)


def _at(commit: pygit2.Commit, path: str) -> Any:
    try:
        return commit.tree[path] if path else commit.tree
    except KeyError:
        return None


def _entry(repo: Row, ref: str, path: str, found: Any) -> dict[str, Any]:
    """Return a file's, folder's, link's or submodule's place, without what is in it."""
    kind, shelf = _kind(found)
    api_url, page = forge().site.api(f"/repos/{repo['full_name']}"), forge().site.web(f"/{repo['full_name']}")
    where = quote(path)
    url = f"{api_url}/contents/{where}?ref={quote(ref)}"
    html = f"{page}/{'tree' if kind == 'dir' else 'blob'}/{quote(ref)}/{where}"
    git_url = None if kind == "submodule" else f"{api_url}/git/{shelf}/{found.id}"
    entry = {
        "name": path.rsplit("/", 1)[-1],
        "path": path,
        "sha": str(found.id),
        "size": found.size if isinstance(found, pygit2.Blob) else 0,
        "url": url,
        "html_url": None if kind == "submodule" else html,
        "git_url": git_url,
        "download_url": f"{page}/raw/{quote(ref)}/{where}" if isinstance(found, pygit2.Blob) else None,
        "type": kind,
        "_links": {"self": url, "git": git_url, "html": None if kind == "submodule" else html},
    }
    # Nothing says here where a submodule is cloned from; GitHub says null when it cannot tell either.
    return entry | ({"submodule_git_url": None} if kind == "submodule" else {})


def _kind(found: Any) -> tuple[str, str]:
    if isinstance(found, pygit2.Tree):
        return "dir", "trees"
    if not isinstance(found, pygit2.Blob):
        return "submodule", ""
    return "symlink" if found.filemode == FileMode.LINK else "file", "blobs"


def _content(found: Any) -> dict[str, Any]:
    if not isinstance(found, pygit2.Blob):
        return {}
    if found.filemode == FileMode.LINK:
        return {"target": found.data.decode(errors="replace")}
    if found.size > _LARGEST:
        return {"content": "", "encoding": "none"}
    return {"content": encoded(found.data), "encoding": "base64"}


@api.put("/repos/<owner>/<name>/contents/<path:path>")
def put_contents(owner: str, name: str, path: str) -> tuple[dict[str, Any], int]:
    """Commit a file; one that is there already only when `sha` says which content it replaces."""
    asked = body()
    content = decoded(asked.get("content"), "base64")
    repo, made, before = _commit(owner, name, path, asked, content)
    opened = forge().repositories.open(repo["id"])
    found = _at(opened[made], path)
    ref = asked.get("branch") or repo["default_branch"]
    answer = {"content": _entry(repo, ref, path, found), "commit": _shown(repo, opened[made])}
    return answer, 200 if before else 201


@api.delete("/repos/<owner>/<name>/contents/<path:path>")
def delete_contents(owner: str, name: str, path: str) -> dict[str, Any]:
    """Commit the removal of a file, whose content `sha` names."""
    repo, made, _ = _commit(owner, name, path, body(), None)
    return {"content": None, "commit": _shown(repo, forge().repositories.open(repo["id"])[made])}


def _commit(
    owner: str, name: str, path: str, asked: dict[str, Any], content: bytes | None
) -> tuple[Row, str, Any]:
    """Commit one file; returns the repository, the commit's id and the file that was there before."""
    repo, _ = writable(owner, name)
    if not isinstance(asked.get("message"), str) or not asked["message"]:
        raise ApiError(422, 'Invalid request.\n\n"message" wasn\'t supplied.')
    branch = asked.get("branch") or repo["default_branch"]
    with writing(repo, actor()) as opened:
        tip = pull_branches.tip(repo["id"], branch)
        if tip is None and not git.is_empty(opened):
            raise ApiError(404, f"Branch {branch} not found")
        before = _at(opened[tip], path) if tip else None
        _guard(path, before, asked.get("sha"), deleting=content is None)
        by = _author(asked)
        try:
            change = git.commit(
                opened, {path: content}, message=asked["message"], branch=branch, base=None,
                author=by or merges.identity(actor().account), committer=by or merging.WEB,
            )  # fmt: skip
        except ValueError as error:
            raise ApiError(422, f"path contains a malformed path component: {error}") from error
        if by is None:
            vouch(change.after)
    return repo, change.after, before


def _guard(path: str, before: Any, sha: str | None, *, deleting: bool) -> None:
    if deleting and before is None:
        raise not_found()
    if not (before is None or isinstance(before, pygit2.Blob)):
        raise invalid("Commit", "path", f"{path} is a folder")
    if before is not None and not sha:
        raise ApiError(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    if sha and (before is None or str(before.id) != sha):
        raise ApiError(409, f"{path} does not match {sha}")


def _author(asked: dict[str, Any]) -> git.Identity | None:
    given = asked.get("author") or asked.get("committer")
    if not given:
        return None
    if not given.get("name") or not given.get("email"):
        raise ApiError(422, "Invalid request.\n\nauthor and committer need a name and an email.")
    return git.Identity(given["name"], given["email"])


def _shown(repo: Row, found: pygit2.Commit) -> dict[str, Any]:
    whole = commits.commit(forge().store, forge().site, repo, found)
    inner = ("author", "committer", "message", "tree", "verification")
    outer = ("sha", "node_id", "url", "html_url", "parents")
    return {name: whole[name] for name in outer} | {name: whole["commit"][name] for name in inner}
