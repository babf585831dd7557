# SPDX-License-Identifier: Apache-2.0
"""Follow the markers in a commit's files, as they lie in a mirror."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from policies.errors import FairwayError
from policies.images import declined, notes, setters
from policies.images.automation import UpdateFailed, lies_in
from policies.images.declined import Reading
from policies.images.notes import Edits
from policies.images.setters import Edited, Image, Note
from workers.git import Mirror, contents
from workers.git.contents import Entry

_LARGEST = 4 << 20  # bytes of a file; larger ones are generated, and reading one would hold up all threads
_NAMES = (".yaml", ".yml", "/Kustomization")


def edits_of(
    mirror: Mirror,
    sha: str,
    *,
    folder: str,
    namespace: str,
    images: Mapping[str, Image],
    known: Collection[str],
    proposed: bool = False,
    only: Collection[str] | None = None,
) -> Edits:
    """Set what is marked below a folder of a commit, and say what was done; nothing is written.

    `images` are those of the policies that count, as `namespace:name`; `known` are the names of all policies
    of the namespace. What people declined is not written, unless it is only to be `proposed`, which others
    decide. `only` are the files to look at. Raises UpdateFailed, and MirrorBroken.
    """
    everything = contents.of_commit(mirror, sha)
    kept, told = (images, ()) if proposed else notes.wanted(images, _declined(everything))
    entries = [entry for entry in everything if lies_in(entry.path, folder)]
    if folder and not entries:
        raise UpdateFailed(
            f"failed to apply policies: '{folder}' is not in commit {sha[:7]}",
            remedy="correct spec.update.path",
        )
    try:
        setters.check(kept)
        edited: dict[str, tuple[bytes, Edited]] = {}
        for entry in entries:
            if not entry.is_file or not f"/{entry.path}".endswith(_NAMES):
                continue
            if only is not None and entry.path not in only:
                continue
            content = entry.read()
            if setters.concerns(entry.path, content):
                edited[entry.path] = content, _set(entry.path, content, kept)
    except setters.InvalidImage as error:
        raise _failed(error) from None
    return notes.gathered(edited, namespace=namespace, known=known, first=told)


def declined_of(mirror: Mirror, sha: str) -> Reading:
    """Read what people declined, as it stands in a commit; raises MirrorBroken."""
    return _declined(contents.of_commit(mirror, sha))


def _declined(entries: list[Entry]) -> Reading:
    """Read what people declined, from the commit that is started from."""
    file = next((entry for entry in entries if entry.path == declined.NAME and entry.is_file), None)
    return declined.read(file.read()) if file else declined.ABSENT


def _set(path: str, content: bytes, images: Mapping[str, Image]) -> Edited:
    if len(content) > _LARGEST:
        said = f"the file is left as it is, it is larger than {_LARGEST >> 20} MiB: split it"
        return Edited(content, notes=(Note(path, 1, "unreadable", said),))
    if path.isascii() or _is_utf8(path):
        return setters.set_images(path, content, images)
    said = "the file is left as it is, its name is not UTF-8: rename it"
    return Edited(content, notes=(Note(path.encode(errors="replace").decode(), 1, "unreadable", said),))


def _is_utf8(path: str) -> bool:
    return "\udc80" not in path and not any("\ud800" <= char <= "\udfff" for char in path)


def _failed(error: FairwayError) -> UpdateFailed:
    return UpdateFailed(f"failed to apply policies: {error.message}", remedy=error.remedy)
