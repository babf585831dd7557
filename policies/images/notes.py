# SPDX-License-Identifier: Apache-2.0
"""What a run over a repository's files came to: what is to be written, and what people are told of it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from policies.images import declined
from policies.images.automation import UP_TO_DATE, UpdateFailed
from policies.images.declined import Reading
from policies.images.setters import Change, Edited, Image, Note

_SHOWN = 5
_MARKED = re.compile(r'"\$imagepolicy"\s*:\s*"([^":]*:[^":]*)')


@dataclass(frozen=True, slots=True)
class Edits:
    """The new content of the files that change, by path, and in order of path and line what was done."""

    files: Mapping[str, bytes]
    changes: tuple[Change, ...] = ()
    notes: tuple[Note, ...] = ()


def wanted(images: Mapping[str, Image], reading: Reading) -> tuple[dict[str, Image], tuple[Note, ...]]:
    """Leave out the images that people declined, and say of which policies they are.

    Raises UpdateFailed when what was declined cannot be read.
    """
    if reading.entries is None:
        problem = reading.problems[0]
        raise UpdateFailed(
            f"failed to apply policies: {declined.NAME}:{problem.where.line}: {problem}:"
            " what it keeps out cannot be known, so nothing is written",
            remedy="mend it",
        )
    kept, notes = dict(images), []
    for policy, image in images.items():
        for index, entry in enumerate(reading.entries):
            if entry.covers(image):
                del kept[policy]
                line, shown = declined.place(reading, index).line, image.part("image")
                said = f"{shown} is declined, so policy {policy} is not followed"
                notes.append(Note(declined.NAME, line, "no-image", said))
                break
    return kept, tuple(notes)


def gathered(
    edited: Mapping[str, tuple[bytes, Edited]],
    *,
    namespace: str,
    known: Collection[str],
    first: Iterable[Note] = (),
) -> Edits:
    """Put together what was done to the files, each with the content it had before.

    `known` are the names of all policies in the namespace. A marker of another namespace, or of a policy that
    another automation is to follow, is no mistake, and not told of. `first` are notes that come first.
    """
    files: dict[str, bytes] = {}
    changes: list[Change] = []
    notes: list[Note] = list(first)
    for path in sorted(edited):
        before, after = edited[path]
        if after.changes:
            files[path] = after.content
        changes += after.changes
        lines = before.decode(errors="replace").splitlines() if after.notes else []
        notes += [note for note in after.notes if _is_ours(note, lines, namespace, known)]
    return Edits(files, tuple(changes), tuple(notes))


def _is_ours(note: Note, lines: list[str], namespace: str, known: Collection[str]) -> bool:
    if note.reason != "unknown-policy":
        return True
    found = _MARKED.search(lines[note.line - 1]) if note.line <= len(lines) else None
    owner, _, name = (found[1] if found else "").partition(":")
    return owner == namespace and name not in known


def ready_message(notes: Iterable[Note]) -> str:
    """Return the Ready message: Flux's, and after it what could not be done as it stands."""
    told = [f"{note.path}:{note.line}: {note.message}" for note in notes]
    if not told:
        return UP_TO_DATE
    more = f"; and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return f"{UP_TO_DATE}, but look at " + "; ".join(told[:_SHOWN]) + more


def for_template(changes: Iterable[Change], folder: str) -> list[dict[str, str]]:
    """Return the changes as a message's template gets them; files are named from spec.update.path."""
    return [
        {
            "file": _within(change.path, folder),
            "apiVersion": change.object.api_version,
            "kind": change.object.kind,
            "namespace": change.object.namespace,
            "name": change.object.name,
            "old": change.old,
            "new": change.new,
            "setter": change.policy if change.part == "image" else f"{change.policy}:{change.part}",
        }
        for change in changes
    ]


def _within(path: str, folder: str) -> str:
    if not folder:
        return path
    return posixpath.basename(path) if path == folder else path[len(folder) + 1 :]
