# SPDX-License-Identifier: Apache-2.0
"""A bare copy of what was fetched from one repository with one identity.

Its directory name is a digest of URL and principal, so that nobody reads what only somebody else was
allowed to fetch. One process at a time changes a mirror; the lock is inherited by git, so that it also
covers a git whose parent was killed. Reading needs no lock: objects are only ever added, and a damaged
mirror is replaced as a whole.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pygit2

from workers.git.errors import DiskFull, GitTimeout, MirrorBroken

_NAMESPACE = "refs/fairway/"
_CONDEMNED = "condemned"
_LOCK_POLL = 0.005


@dataclass(frozen=True, slots=True)
class Mirror:
    """The mirror at `path`, a link to its folder; `<path>.lock` is its lock, touched at every use."""

    path: Path

    @classmethod
    def of(cls, data_dir: Path, url: str, principal: str) -> Mirror:
        """Return the mirror of a URL as seen by one principal; nothing is created yet."""
        key = hashlib.sha256(f"{url.rstrip('/')}\0{principal}".encode()).hexdigest()[:40]
        return cls(data_dir / "git" / key)

    @contextmanager
    def locked(self, *, timeout: float) -> Iterator[int]:
        """Hold the mirror for changes, ready for use; yields the lock's descriptor. Raises GitTimeout."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unwritable(error) from error
        try:
            _acquire(lock, time.monotonic() + timeout)
            self.prepare()
            yield lock
        finally:
            os.close(lock)

    def prepare(self) -> None:
        """Make the repository, or clear away what a killed git left behind; raises DiskFull."""
        try:
            os.utime(self.path.with_suffix(".lock"))
            if (self.path / _CONDEMNED).exists() or not (self.path / "HEAD").exists():
                self.discard()
                self._create()
            leftovers = [*self.path.glob("*.lock"), *(self.path / _NAMESPACE).glob("*.lock")]
            leftovers += (self.path / "objects" / "pack").glob("tmp_*")
            for leftover in leftovers:
                leftover.unlink(missing_ok=True)
        except (OSError, pygit2.GitError) as error:
            raise unwritable(error) from error

    def _create(self) -> None:
        # Each start gets a folder of its own behind a link: libgit2 goes on using a pack that it once opened
        # under the same name, and who still reads the old mirror is not handed half of the new one.
        fresh = Path(tempfile.mkdtemp(prefix=f"{self.path.name}-", dir=self.path.parent))
        pygit2.init_repository(str(fresh), bare=True)
        self.path.symlink_to(fresh.name)

    def condemn(self) -> None:
        """Have the mirror replaced when it is next used, because it turned out to be damaged."""
        with suppress(OSError):
            (self.path / _CONDEMNED).touch()

    @property
    def packs(self) -> int:
        """How many packs there are: every fetch that brings something adds one."""
        return sum(1 for _ in (self.path / "objects" / "pack").glob("*.pack"))

    def discard(self) -> None:
        """Throw the mirror away, while it is held."""
        self.path.unlink(missing_ok=True)
        for folder in self.path.parent.glob(f"{self.path.name}-*"):
            shutil.rmtree(folder, ignore_errors=True)

    def open(self) -> pygit2.Repository:
        """Open the mirror for reading; raises MirrorBroken."""
        try:
            return pygit2.Repository(str(self.path))
        except pygit2.GitError as error:
            raise broken(error) from error

    def keep(self, name: str, sha: str) -> None:
        """Note that a commit is here with all its files, as if it had been fetched under that name."""
        try:
            self.open().references.create(local_ref(name), sha, force=True)
        except (pygit2.GitError, ValueError) as error:
            raise broken(error) from error

    def tip(self, name: str) -> str | None:
        """Return the commit last fetched under a remote ref (or as a commit id); raises MirrorBroken."""
        try:
            repository = self.open()
            target = repository.references.get(local_ref(name))
            return str(target.peel(pygit2.Commit).id) if target is not None else None
        except (pygit2.GitError, KeyError) as error:
            raise broken(error) from error

    def has(self, sha: str) -> bool:
        """Tell whether a commit is here, whichever ref it came with."""
        try:
            return sha in self.open()
        except pygit2.GitError as error:
            raise broken(error) from error

    @property
    def is_shallow(self) -> bool:
        return (self.path / "shallow").exists()

    def committed(self, sha: str) -> int:
        """Return when a commit that was fetched was made, in seconds since 1970."""
        try:
            time_: int = self.open()[sha].peel(pygit2.Commit).commit_time
            return time_
        except (pygit2.GitError, KeyError) as error:
            raise broken(error) from error

    def tag_object(self, name: str) -> str:
        """Return the id of the annotated tag last fetched under a ref; empty for a lightweight one."""
        try:
            repository = self.open()
            target = repository[repository.references[local_ref(name)].target]
        except (pygit2.GitError, KeyError) as error:
            raise broken(error) from error
        return str(target.id) if isinstance(target, pygit2.Tag) else ""

    def raw(self, sha: str) -> bytes:
        """Return an object's bytes as Git hashed them."""
        try:
            content: bytes = self.open()[sha].read_raw()
        except (pygit2.GitError, KeyError) as error:
            raise broken(error) from error
        return content

    def subject(self, sha: str) -> str:
        """Return the subject of a commit that was fetched."""
        try:
            commit = self.open()[sha].peel(pygit2.Commit)
        except (pygit2.GitError, KeyError) as error:
            raise broken(error) from error
        text: str = commit.raw_message.decode(commit.message_encoding or "utf-8", errors="replace")
        return text.split("\n", 1)[0]


def local_ref(refname: str) -> str:
    """Return the name a remote ref has here: flat, since the remote may replace `a` by `a/b` at any time."""
    return _NAMESPACE + hashlib.sha256(refname.encode()).hexdigest()[:40]


def broken(error: Exception) -> MirrorBroken:
    """Wrap what libgit2 says of a damaged mirror."""
    return MirrorBroken(f"the copy of the repository on disk is damaged: {error}")


def unwritable(error: Exception) -> DiskFull:
    """Wrap what keeps a mirror from being written."""
    return DiskFull(
        f"the copy of the repository on disk cannot be written: {error}",
        remedy="make room in FAIRWAY_DATA, and let Fairway write there",
    )


def remove_unused(data_dir: Path, *, now: float, unused_for: float) -> int:
    """Delete mirrors that nobody used for `unused_for` seconds, save those in use; returns how many."""
    removed = 0
    for lock_file in (data_dir / "git").glob("*.lock"):
        mirror = Mirror(lock_file.with_suffix(""))
        if not mirror.path.exists() or now - lock_file.stat().st_mtime <= unused_for:
            continue
        lock = os.open(lock_file, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mirror.discard()
            removed += 1
        except BlockingIOError:
            continue
        finally:
            os.close(lock)
    return removed


def _acquire(lock: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            if time.monotonic() > deadline:
                raise GitTimeout(
                    "another process has been busy with the same repository for too long",
                    remedy="raise spec.timeout if the repository is large",
                ) from None
            time.sleep(_LOCK_POLL)
        else:
            return
