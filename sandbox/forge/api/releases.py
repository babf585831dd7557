# SPDX-License-Identifier: Apache-2.0
"""Releases: made of a tag, and shown by it. Files cannot be attached here."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from sandbox.forge import git, shapes
from sandbox.forge.api.blueprint import api, body, caller, repository
from sandbox.forge.errors import invalid, not_found
from sandbox.forge.state import forge
from sandbox.forge.store import Row, now


@api.post("/repos/<owner>/<name>/releases")
def create_release(owner: str, name: str) -> tuple[dict[str, Any], int]:
    """Make a release of a tag; one that is not there is made, at the default branch or `target_commitish`."""
    repo = repository(owner, name, permission="contents", level="write")
    asked = body()
    tag, target = asked.get("tag_name"), asked.get("target_commitish") or repo["default_branch"]
    if not isinstance(tag, str) or not tag.strip():
        raise invalid("Release", "tag_name", "tag_name can't be blank")
    if forge().store.one("SELECT 1 FROM releases WHERE repository_id = ? AND tag = ?", repo["id"], tag):
        raise invalid("Release", "tag_name", "tag_name already exists")
    opened = forge().repositories.open(repo["id"])
    found = git.resolve(opened, target)
    if found is None:
        raise invalid("Release", "target_commitish", "target_commitish is not a commit")
    if f"refs/tags/{tag}" not in opened.references:
        opened.references.create(f"refs/tags/{tag}", str(found.id))
    draft = bool(asked.get("draft"))
    made = forge().store.insert(
        "releases", repository_id=repo["id"], tag=tag, target=target, name=asked.get("name"),
        body=asked.get("body"), draft=draft, prerelease=bool(asked.get("prerelease")),
        author_id=int(caller().account(forge().store)["id"]), created_at=now(),
        published_at=None if draft else now(),
    )  # fmt: skip
    return _shape(repo, forge().store.row("releases", made)), 201


@api.get("/repos/<owner>/<name>/releases/tags/<path:tag>")
def get_release_by_tag(owner: str, name: str, tag: str) -> dict[str, Any]:
    """Show the release of a tag; a draft is none yet."""
    repo = repository(owner, name, permission="contents")
    found = forge().store.one(
        "SELECT * FROM releases WHERE repository_id = ? AND tag = ? AND NOT draft", repo["id"], tag
    )
    if found is None:
        raise not_found()
    return _shape(repo, found)


def _shape(repo: Row, row: Row) -> dict[str, Any]:
    site, store = forge().site, forge().store
    address, page = site.api(f"/repos/{repo['full_name']}"), site.web(f"/{repo['full_name']}")
    tag = quote(row["tag"], safe="")
    return {
        "url": f"{address}/releases/{row['id']}",
        "html_url": f"{page}/releases/tag/{tag}",
        "assets_url": f"{address}/releases/{row['id']}/assets",
        "upload_url": f"{address}/releases/{row['id']}/assets{{?name,label}}",
        "tarball_url": f"{address}/tarball/{tag}",
        "zipball_url": f"{address}/zipball/{tag}",
        "id": row["id"],
        "node_id": shapes.node_id("Release", row["id"]),
        "tag_name": row["tag"],
        "target_commitish": row["target"],
        "name": row["name"],
        "body": row["body"],
        "draft": bool(row["draft"]),
        "prerelease": bool(row["prerelease"]),
        "created_at": row["created_at"],
        "published_at": row["published_at"],
        "author": shapes.account(site, store.row("accounts", row["author_id"])),
        "assets": [],
    }
