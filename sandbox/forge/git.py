# SPDX-License-Identifier: Apache-2.0
"""The bare repositories: where they lie, how they are read, and how a commit is made without a clone.

Reading goes through libgit2; what clients send and fetch goes through git itself (see `smarthttp`). Writers
of one repository take turns, so that the refs before and after a push tell exactly what that push changed.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Literal

import pygit2
from pygit2.enums import DiffFind, FileMode, ObjectType, SortMode

GitError = pygit2.GitError
ZERO = "0" * 40
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "gc.auto=0",
    "receive.autogc=false",
    "safe.directory=*",
    # GitHub serves any reachable commit by its id, and partial clones.
    "uploadpack.allowAnySHA1InWant=true",
    "uploadpack.allowFilter=true",
    # As on GitHub, nobody pushes to the refs of pull requests.
    "receive.hideRefs=refs/pull",
)
_CLEAN_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C.UTF-8",
}


@dataclass(frozen=True)
class RefChange:
    """One ref that a push moved; a missing side is forty zeros."""

    ref: str
    before: str
    after: str


Moving = Literal["push", "pr_merge", "merge_queue_merge"]  # what can move a branch forward


@dataclass(frozen=True)
class Identity:
    """Who a commit is by."""

    name: str
    email: str


class Repositories:
    """The bare repositories of one forge, by their numeric id."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._locks: defaultdict[int, threading.RLock] = defaultdict(threading.RLock)
        root.mkdir(parents=True, exist_ok=True)

    def path(self, repository_id: int) -> Path:
        """Return where a repository lies."""
        return self._root / f"{repository_id}.git"

    def create(self, repository_id: int, default_branch: str) -> None:
        """Make an empty bare repository."""
        pygit2.init_repository(str(self.path(repository_id)), bare=True, initial_head=default_branch)

    def open(self, repository_id: int) -> pygit2.Repository:
        """Open a repository for this thread; libgit2 handles are not shared."""
        return pygit2.Repository(str(self.path(repository_id)))

    def lock(self, repository_id: int) -> threading.RLock:
        """Return the lock that writers of this repository hold."""
        return self._locks[repository_id]

    def run(
        self,
        repository_id: int,
        command: str,
        *options: str,
        stdout: int | IO[bytes],
        stdin: IO[bytes] | None = None,
        protocol: str = "",
    ) -> subprocess.Popen[bytes]:
        """Start a git command on a repository, with no configuration but ours and without hooks."""
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        environment = _CLEAN_ENVIRONMENT | ({"GIT_PROTOCOL": protocol} if protocol else {})
        argv = ["git", *settings, command, *options, str(self.path(repository_id))]
        return subprocess.Popen(argv, stdin=stdin, stdout=stdout, env=environment)

    def refs(
        self, repository_id: int, prefixes: tuple[str, ...] = ("refs/heads/", "refs/tags/")
    ) -> dict[str, str]:
        """Return every branch and tag, or the refs whose names begin so, with the id each points to."""
        repository = self.open(repository_id)
        names = [name for name in repository.references if name.startswith(prefixes)]
        return {name: str(repository.references[name].target) for name in names}

    def join(self, fork_id: int, parent_id: int) -> None:
        """Let a fork's writers take turns with its parent's, since their pull requests concern both."""
        self._locks[fork_id] = self._locks[parent_id]

    def fetch(self, repository_id: int, source_id: int, *refspecs: str) -> None:
        """Copy refs with their objects from another repository of this forge."""
        argv = [
            "git",
            f"--git-dir={self.path(repository_id)}",
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-auto-gc",
        ]
        source = str(self.path(source_id))
        subprocess.run([*argv, source, *refspecs], env=_CLEAN_ENVIRONMENT, check=True)

    def set_head(self, repository_id: int, branch: str) -> None:
        """Make a branch the default one."""
        self.open(repository_id).set_head(f"refs/heads/{branch}")


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[RefChange]:
    """Return what changed between two readings of the refs, ordered by name."""
    names = sorted(before.keys() | after.keys())
    moved = (RefChange(name, before.get(name, ZERO), after.get(name, ZERO)) for name in names)
    return [change for change in moved if change.before != change.after]


def is_empty(repository: pygit2.Repository) -> bool:
    """Say whether nothing was pushed yet; libgit2's own answer depends on the default branch's name."""
    return not any(name.startswith("refs/") for name in repository.references)


def contains(repository: pygit2.Repository, tip: str, sha: str) -> bool:
    """Say whether a commit is another one or an ancestor of it."""
    return tip == sha or bool(repository.descendant_of(tip, sha))


def commit(
    repository: pygit2.Repository,
    files: Mapping[str, bytes | None],
    *,
    message: str,
    branch: str,
    base: str | None,
    author: Identity,
    committer: Identity | None = None,
) -> RefChange:
    """Commit files (None deletes one) to a branch, starting it at `base` when it does not exist.

    Without a committer it is the author.

    Raises KeyError for a file that is to be deleted and is not there, ValueError for a path Git refuses.
    """
    ref = f"refs/heads/{branch}"
    before = str(repository.references[ref].target) if ref in repository.references else None
    parent = before or base
    index = pygit2.Index()
    if parent:
        index.read_tree(repository[parent].tree)
    for path, content in files.items():
        _stage(repository, index, path, content)
    moment = int(time.time())
    by, to = (pygit2.Signature(who.name, who.email, moment, 0) for who in (author, committer or author))
    tree, parents = index.write_tree(repository), [parent] if parent else []
    oid = str(repository.create_commit(None, by, to, message, tree, parents))
    repository.references.create(ref, oid, force=True)
    return RefChange(ref, before or ZERO, oid)


def _stage(repository: pygit2.Repository, index: pygit2.Index, path: str, content: bytes | None) -> None:
    if content is None:
        try:
            index.remove(path)
        except OSError as error:
            raise KeyError(path) from error
        return
    mode = index[path].mode if path in index else FileMode.BLOB
    try:
        index.add(pygit2.IndexEntry(path, repository.create_blob(content), mode))
    except GitError as error:
        raise ValueError(f"{path}: {error}") from error


def annotate(repository: pygit2.Repository, ref: str, sha: str, *, message: str, tagger: Identity) -> None:
    """Make an annotated tag; ValueError when the ref is no tag."""
    if not ref.startswith("refs/tags/"):
        raise ValueError("only a tag can carry a message")
    signature = pygit2.Signature(tagger.name, tagger.email)
    repository.create_tag(ref.removeprefix("refs/tags/"), sha, ObjectType.COMMIT, signature, message)


def resolve(repository: pygit2.Repository, ref: str) -> pygit2.Commit | None:
    """Return the commit that a sha, branch or tag names, as GitHub resolves it, or None."""
    for name in (f"refs/heads/{ref}", f"refs/tags/{ref}", f"refs/{ref}", ref if ref == "HEAD" else ""):
        if name and pygit2.reference_is_valid_name(name) and name in repository.references:
            return peel(repository, str(repository.references[name].resolve().target))
    is_sha = 4 <= len(ref) <= 40 and all(character in "0123456789abcdef" for character in ref.lower())
    return peel(repository, ref) if is_sha else None


def peel(repository: pygit2.Repository, oid: str) -> pygit2.Commit | None:
    """Return the commit an object id leads to, or None for anything else."""
    try:
        return repository[oid].peel(pygit2.Commit)
    except (KeyError, ValueError, GitError):
        return None


def walk(
    repository: pygit2.Repository, start: str, *, hide: list[str] | None = None, limit: int | None = None
) -> Iterator[pygit2.Commit]:
    """Yield commits newest first from `start`, without those reachable from `hide`."""
    walker = repository.walk(start, SortMode.TOPOLOGICAL | SortMode.TIME)
    for oid in hide or []:
        if hidden := peel(repository, oid):
            walker.hide(hidden.id)
    return islice(walker, limit)


def diff(repository: pygit2.Repository, commit: pygit2.Commit) -> pygit2.Diff:
    """Return what a commit changes against its first parent, renames found."""
    if commit.parents:
        found = commit.parents[0].tree.diff_to_tree(commit.tree)
    else:
        found = commit.tree.diff_to_tree(swap=True)
    found.find_similar(DiffFind.FIND_RENAMES)
    return found
