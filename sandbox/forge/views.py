# SPDX-License-Identifier: Apache-2.0
"""What the pages show of commits, statuses, files and deliveries, as plain values for the templates."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pygit2

from sandbox.forge.store import Row, Store

View = dict[str, Any]

_LINES_SHOWN = 300
_LARGEST_FILE = 512 * 1024
_KINDS = {"+": "added", "-": "removed", "@": "hunk"}


def moment(when: str) -> str:
    """Return a stored moment as the pages write it."""
    return when.replace("T", " ").removesuffix("Z")


def commit(found: pygit2.Commit) -> View:
    """Return a commit's message, author and place."""
    title, _, body = found.message.strip().partition("\n")
    time = datetime.fromtimestamp(found.committer.time, UTC)
    return {
        "sha": str(found.id),
        "title": title or "(no message)",
        "body": body.strip("\n"),
        "author": found.author.name,
        "email": found.author.email,
        "time": time.strftime("%Y-%m-%d %H:%M:%S"),
        "parents": [str(parent) for parent in found.parent_ids],
    }


def status(store: Store, row: Row) -> View:
    """Return a status; its target is a link only when it is a web address."""
    target = row["target_url"] or ""
    return {
        "state": row["state"],
        "context": row["context"],
        "description": row["description"],
        "link": target if urlsplit(target).scheme in ("http", "https") else "",
        "creator": store.row("accounts", row["creator_id"])["login"],
        "time": moment(row["created_at"]),
    }


def files(changed: list[View]) -> list[View]:
    """Return changed files with the lines of their patches, long ones cut."""
    shown = []
    for entry in changed:
        lines = entry.get("patch", "").split("\n") if "patch" in entry else []
        listed = [{"kind": _KINDS.get(line[:1], ""), "text": line} for line in lines[:_LINES_SHOWN]]
        shown.append(entry | {"lines": listed, "hidden": max(0, len(lines) - _LINES_SHOWN)})
    return shown


def crumbs(path: str) -> list[View]:
    """Return the folders on the way to a path."""
    parts = path.split("/") if path else []
    return [{"name": part, "path": "/".join(parts[: n + 1])} for n, part in enumerate(parts)]


def tree(found: pygit2.Tree, path: str) -> list[View]:
    """Return a folder's entries, folders first."""
    entries = []
    for entry in found:
        kind = {pygit2.Tree: "tree", pygit2.Blob: "blob"}.get(type(entry), "commit")
        note = f"{entry.size} bytes" if kind == "blob" else "submodule" if kind == "commit" else ""
        full = f"{path}/{entry.name}" if path else entry.name
        entries.append({"name": entry.name, "path": full, "kind": kind, "note": note})
    return sorted(entries, key=lambda entry: (entry["kind"] != "tree", entry["name"]))


def lines(blob: pygit2.Blob) -> list[str] | None:
    """Return a text file's lines; None when it is binary or large."""
    if blob.is_binary or blob.size > _LARGEST_FILE:
        return None
    return blob.data.decode(errors="replace").removesuffix("\n").split("\n") if blob.size else []


def delivery(row: Row) -> View:
    """Return a delivery with how it went."""
    view = {name: row[name] for name in ("guid", "event", "action", "redelivery", "duration")}
    if row["phase"] != "done":
        outcome = "held back" if row["phase"] == "held" else "on its way"
        return view | {"outcome": outcome, "mark": "pending", "icon": "●", "time": ""}
    good = row["status"] == "OK"
    outcome = str(row["status_code"]) if good else row["status"]
    mark, icon = ("success", "✓") if good else ("failure", "✗")
    return view | {"outcome": outcome, "mark": mark, "icon": icon, "time": moment(row["delivered_at"])}


def avatar(login: str, account_id: int) -> str:
    """Return a square with a login's first letter, as SVG; logins begin with a letter or digit."""
    hue = account_id * 137 % 360
    style = "font-family='sans-serif' font-size='22' text-anchor='middle' fill='#fff'"
    return (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 40 40'>"
        f"<rect width='40' height='40' rx='6' fill='hsl({hue} 45% 42%)'/>"
        f"<text x='20' y='28' {style}>{login[:1].upper()}</text></svg>"
    )
