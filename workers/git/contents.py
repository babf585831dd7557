# SPDX-License-Identifier: Apache-2.0
"""The files a source is made of: a commit's own, those of its submodules, and those of other artifacts.

They come straight from mirrors and artifacts, without a checkout; links and what is no file stay visible as
entries, so that ignore files behind links inside the source are found.
"""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pygit2

from workers.git.errors import GitError, UnsupportedRepository
from workers.git.mirror import Mirror, broken

FILE, EXECUTABLE, LINK, TREE, SUBMODULE = 0o100644, 0o100755, 0o120000, 0o040000, 0o160000
_DEEPEST = 256
_LONGEST_CHAIN = 16  # of links that lead to links


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, link or submodule; `read` gives a file's bytes, a link's target, a submodule's commit."""

    path: str
    mode: int
    read: Callable[[], bytes]

    @property
    def is_file(self) -> bool:
        return self.mode in (FILE, EXECUTABLE)

    def moved(self, path: str) -> Entry:
        return Entry(path, self.mode, self.read)


def of_commit(mirror: Mirror, sha: str) -> list[Entry]:
    """Return everything in a commit; raises MirrorBroken, UnsupportedRepository."""
    repository = mirror.open()
    try:
        tree = repository[sha].peel(pygit2.Tree)
        return list(_entries(lambda oid: _Blob(mirror, repository, oid), tree, "", 0))
    except (pygit2.GitError, KeyError) as error:
        mirror.condemn()
        raise broken(error) from error


@dataclass(frozen=True, slots=True)
class _Blob:
    """Read one blob when it is wanted; a mirror that has lost it is replaced."""

    mirror: Mirror
    repository: pygit2.Repository
    oid: pygit2.Oid

    def __call__(self) -> bytes:
        try:
            content: bytes = self.repository[self.oid].data
        except (pygit2.GitError, KeyError) as error:
            self.mirror.condemn()
            raise broken(error) from error
        return content


def _entries(
    blob: Callable[[pygit2.Oid], Callable[[], bytes]], tree: pygit2.Tree, prefix: str, depth: int
) -> Iterator[Entry]:
    if depth > _DEEPEST:
        raise UnsupportedRepository(f"directories are nested more than {_DEEPEST} deep below {prefix[:80]!r}")
    for item in tree:
        name = item.raw_name.decode(errors="surrogateescape")
        if name in ("", ".", "..") or "/" in name or name.lower() == ".git":
            raise UnsupportedRepository(f"the commit holds a file with the forbidden name {prefix + name!r}")
        if item.filemode == TREE:
            yield from _entries(blob, item, f"{prefix}{name}/", depth + 1)
        elif item.filemode == SUBMODULE:
            yield Entry(prefix + name, SUBMODULE, str(item.id).encode)
        else:
            yield Entry(prefix + name, item.filemode, blob(item.id))


def only(entries: Iterable[Entry], directories: Iterable[str]) -> list[Entry]:
    """Return what lies in the directories of a sparse checkout; raises GitError when one is not there.

    As in Flux a directory is the beginning of a path, so that `app` takes `apps/` too.
    """
    entries = list(entries)
    kept: dict[str, Entry] = {}
    for directory in directories:
        start = directory.removeprefix("./")
        found = {entry.path: entry for entry in entries if entry.path.startswith(start)}
        if not found:
            raise GitError(
                f"sparse checkout dir '{directory}' does not exist in repository",
                remedy="correct spec.sparseCheckout",
            )
        kept |= found
    return list(kept.values())


def of_artifact(file: Path, *, from_path: str, to_path: str) -> list[Entry]:
    """Return another artifact's files below `from_path`, laid below `to_path`; raises OSError.

    Neither path leads out of its tree: what goes up stays at the root.
    """
    start, goal = _inside(from_path), _inside(to_path)
    entries = []
    with tarfile.open(file, "r:gz") as archive:
        for member in archive:
            if not member.isfile() or not _below(member.name, start):
                continue
            rest = member.name[len(start) :].lstrip("/") or posixpath.basename(member.name)
            content = archive.extractfile(member)
            data = content.read() if content else b""
            mode = EXECUTABLE if member.mode & 0o100 else FILE
            entries.append(Entry(posixpath.join(goal, rest), mode, io.BytesIO(data).getvalue))
    return entries


def _inside(path: str) -> str:
    return posixpath.normpath("/" + path).lstrip("/")


def _below(name: str, start: str) -> bool:
    return not start or name == start or name.startswith(start + "/")


def followed(entry: Entry, by_path: dict[str, Entry]) -> Entry | None:
    """Return the file that an entry is, or leads to inside the source."""
    for _ in range(_LONGEST_CHAIN):
        if entry.mode != LINK:
            return entry if entry.is_file else None
        target = posixpath.join(posixpath.dirname(entry.path), text_of(entry))
        following = by_path.get(posixpath.normpath(target))
        if following is None:
            return None
        entry = following
    return None


def text_of(entry: Entry) -> str:
    return entry.read().decode(errors="surrogateescape")
