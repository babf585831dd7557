# SPDX-License-Identifier: Apache-2.0
"""What a rollback puts back: the files that a pull request brought, as they were before its merge.

Only those that the environment's Kustomizations read. A file that was changed again since is a conflict:
which of the two states is wanted, only a person knows.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

BRANCHES = "fairway/rollback/"
REJECTS = "fairway/reject/"
TRAILER = "Fairway-Ordered-By"

File = tuple[str, str]  # mode and blob
Tree = Mapping[str, File]


@dataclass(frozen=True, slots=True)
class Restored:
    """A file as it is to be again: None removes it. `was` is None for one that comes back."""

    path: str
    file: File | None
    was: File | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is put back, and the files that were changed again since."""

    files: tuple[Restored, ...] = ()
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reader:
    """Where a Kustomization reads: its folder, and how its last build looked where (None: not known)."""

    path: str
    reads: Collection[str] | None = None

    def may_read(self, file: str, *, comes_or_goes: bool) -> bool:
        """Tell whether it reads a file, as far as that is known: what could read any file may read this one.

        What guards or locks something asks this, and what shows or puts something back `reads_file`.
        """
        return self.reads is None or self.reads_file(file, comes_or_goes=comes_or_goes)

    def reads_file(self, file: str, *, comes_or_goes: bool) -> bool:
        """Tell whether it reads a file; one that comes or goes also where it only lists the folder."""
        if self.reads is None:
            return _below(file, posixpath.normpath(self.path.strip("/") or "."))
        folder = posixpath.dirname(file) or "."
        if (
            f"f {file}" in self.reads
            or f"s {file}" in self.reads
            or (comes_or_goes and f"l {folder}" in self.reads)
        ):
            return True
        return any(look.startswith("t ") and _below(file, look[2:]) for look in self.reads)


def plan(before: Tree, after: Tree, now: Tree, readers: Iterable[Reader]) -> Plan:
    """Decide what to put back: `before` and `after` are the base around the merge, `now` as it is now."""
    reading = list(readers)
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    files, conflicts = [], []
    for path in changed:
        there, comes_or_goes = now.get(path), path not in before or path not in after
        read = any(reader.reads_file(path, comes_or_goes=comes_or_goes) for reader in reading)
        if there == before.get(path) or not read:
            continue
        if there != after.get(path):
            conflicts.append(path)
        else:
            files.append(Restored(path, before.get(path), there))
    return Plan(tuple(files), tuple(conflicts))


def branch(environment: str, number: int) -> str:
    """Name the branch that puts back, for an environment or (empty) all, what a pull request brought."""
    return f"{BRANCHES}{environment}-{number}" if environment else f"{REJECTS}{number}"


def undone(head: str) -> tuple[str, int] | None:
    """Return environment and pull request of a rollback's branch; None for another branch.

    A rejection's is of no environment.
    """
    if head.startswith(REJECTS):
        environment, number = "", head.removeprefix(REJECTS)
    elif head.startswith(BRANCHES):
        environment, _, number = head.removeprefix(BRANCHES).rpartition("-")
        if not environment:
            return None
    else:
        return None
    return (environment, int(number)) if number.isascii() and number.isdigit() else None


def message(title: str, actor_id: int) -> str:
    """Write the commit's message: who ordered it stands where nobody can change it unseen."""
    return f"{title}\n\n{TRAILER}: {actor_id}"


def ordered_by(text: str) -> int | None:
    """Return who ordered a commit of ours, by its message."""
    name, _, number = text.rstrip().rpartition("\n")[2].partition(": ")
    return int(number) if name == TRAILER and number.isascii() and number.isdigit() else None


def _below(file: str, folder: str) -> bool:
    return folder == "." or file == folder or file.startswith(f"{folder}/")
