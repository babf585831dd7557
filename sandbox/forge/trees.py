# SPDX-License-Identifier: Apache-2.0
"""Trees made from a list of entries, as GitHub's API takes them."""

from __future__ import annotations

from typing import Any

import pygit2
from pygit2.enums import FileMode

_MODES = {
    "100644": FileMode.BLOB,
    "100755": FileMode.BLOB_EXECUTABLE,
    "120000": FileMode.LINK,
    "160000": FileMode.COMMIT,
    "040000": FileMode.TREE,
}


class BadEntry(Exception):
    """An entry cannot be put into a tree."""


def build(repository: pygit2.Repository, base: pygit2.Tree | None, entries: list[dict[str, Any]]) -> str:
    """Return the id of `base` with entries put in, and those whose sha is null taken out.

    Raises BadEntry with GitHub's sentence.
    """
    index = pygit2.Index()
    if base is not None:
        index.read_tree(base)
    for entry in entries:
        path = entry.get("path")
        if not isinstance(path, str) or not path:
            raise BadEntry("tree.path is missing")
        if "content" not in entry and entry.get("sha", "") is None:
            _remove(index, path)
        else:
            _put(repository, index, path, entry)
    return str(index.write_tree(repository))


def _remove(index: pygit2.Index, path: str) -> None:
    inside = [found.path for found in index if found.path == path or found.path.startswith(f"{path}/")]
    if not inside:
        raise BadEntry(f"{path} cannot be deleted: it is not in the base tree")
    for name in inside:
        index.remove(name)


def _put(repository: pygit2.Repository, index: pygit2.Index, path: str, entry: dict[str, Any]) -> None:
    mode = _MODES.get(str(entry.get("mode")))
    if mode is None:
        raise BadEntry(f"tree.mode {entry.get('mode')} is none of {', '.join(_MODES)}")
    try:
        if mode == FileMode.TREE:
            _put_tree(repository, index, path, _object(repository, entry, pygit2.Tree))
            return
        if mode == FileMode.COMMIT:
            oid = pygit2.Oid(hex=entry["sha"])
        elif "content" in entry:
            oid = repository.create_blob(str(entry["content"]).encode())
        else:
            oid = _object(repository, entry, pygit2.Blob).id
        index.add(pygit2.IndexEntry(path, oid, mode))
    except (KeyError, ValueError, TypeError, pygit2.GitError) as error:
        raise BadEntry(f"{path}: {error}") from error


def _put_tree(repository: pygit2.Repository, index: pygit2.Index, path: str, tree: pygit2.Tree) -> None:
    inner = pygit2.Index()
    inner.read_tree(tree)
    for found in [found.path for found in index if found.path.startswith(f"{path}/")]:
        index.remove(found)
    for found in inner:
        index.add(pygit2.IndexEntry(f"{path}/{found.path}", found.id, found.mode))


def _object(repository: pygit2.Repository, entry: dict[str, Any], kind: type) -> Any:
    sha = str(entry.get("sha"))
    found = repository.get(sha) if len(sha) == 40 else None
    if not isinstance(found, kind):
        raise BadEntry(f"tree.sha {sha} is not a valid {kind.__name__.lower()}")
    return found
