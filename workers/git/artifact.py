# SPDX-License-Identifier: Apache-2.0
"""A source's artifact: its files as a tar.gz that is the same, byte for byte, whenever it is made.

They are written in the order of their paths; links are left out, and so is what the source ignores. Names,
owners, times and modes are as source-controller writes them. A file appears under its final name only when
it is complete.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from policies.sourceignore import IGNORE_FILE, IgnoreRules
from workers.git.contents import EXECUTABLE, FILE, Entry, followed, text_of
from workers.git.errors import DiskFull, TooLarge

LARGEST_SOURCE = 1024**3
_LEVEL = 4  # of gzip: half the time of 6, an eighth more bytes
_MODES = {FILE: 0o600, EXECUTABLE: 0o700}
_GZIP = 16 + zlib.MAX_WBITS  # a gzip header, which zlib writes without time and name


@dataclass(frozen=True, slots=True)
class Artifact:
    """What was written: where (relative to the data directory), its digest, bytes and number of files."""

    path: str
    digest: str
    size: int
    files: int


def artifact_path(kind: str, namespace: str, name: str, sha: str) -> str:
    """Return where a source's artifact lies, relative to the data directory, as in status.artifact.path."""
    return f"{kind.lower()}/{namespace}/{name}/{sha}.tar.gz"


def archive(
    entries: Iterable[Entry], *, ignore: str | None, root: Path, path: str, largest: int = LARGEST_SOURCE
) -> Artifact:
    """Write files to `root/path`; `ignore` is spec.ignore, `largest` the bytes all of them may have.

    Of entries with the same path the last one counts. Raises MirrorBroken, TooLarge, DiskFull.
    """
    by_path = {entry.path: entry for entry in entries}
    ordered = sorted(by_path.values(), key=lambda entry: entry.path.encode(errors="surrogateescape"))
    rules = IgnoreRules.for_source(_ignore_files(by_path), ignore)
    kept = [entry for entry in ordered if entry.is_file and not rules.ignores(entry.path)]
    try:
        return _write(kept, root, path, largest)
    except OSError as error:
        raise DiskFull(
            f"unable to archive artifact to storage: {error.strerror}", reason="ArchiveOperationFailed"
        ) from error


def _ignore_files(by_path: dict[str, Entry]) -> dict[tuple[str, ...], str]:
    """Read the .sourceignore files, by the path of their directory; links inside the source count too."""
    found = {}
    for entry in by_path.values():
        *domain, name = entry.path.split("/")
        if name == IGNORE_FILE and (file := followed(entry, by_path)):
            found[tuple(domain)] = text_of(file)
    return found


def _write(entries: list[Entry], root: Path, path: str, largest: int) -> Artifact:
    destination = root / path
    destination.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=destination.parent, prefix=".", suffix=".tmp")
    try:
        with open(descriptor, "wb") as file:
            packed = _Packed(file)
            left = largest
            for entry in entries:
                content = entry.read()
                left -= len(content)
                if left < 0:
                    raise TooLarge(
                        f"unable to archive artifact to storage: its files have more than {largest} bytes",
                        reason="ArchiveOperationFailed",
                        remedy="leave out what the cluster does not need: spec.ignore or .sourceignore",
                    )
                packed.add(entry.path, _MODES[entry.mode], content)
            packed.close()
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, destination)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return Artifact(path, f"sha256:{packed.digest}", packed.size, len(entries))


class _Packed:
    """A tar.gz that is written once from beginning to end, and digested on the way."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        self._sha256 = hashlib.sha256()
        self.size = 0

    @property
    def digest(self) -> str:
        return self._sha256.hexdigest()

    def add(self, path: str, mode: int, content: bytes) -> None:
        member = tarfile.TarInfo(path)
        member.mode = mode
        member.size = len(content)
        header = member.tobuf(tarfile.PAX_FORMAT, errors="surrogateescape")
        padding = -len(content) % tarfile.BLOCKSIZE
        self._put(self._deflate.compress(header + content + b"\0" * padding))

    def close(self) -> None:
        """End the archive: two empty blocks, then gzip's own end."""
        self._put(self._deflate.compress(b"\0" * 2 * tarfile.BLOCKSIZE))
        self._put(self._deflate.flush())

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._sha256.update(data)
        self.size += len(data)


def remove_artifacts(root: Path, path: str) -> None:
    """Delete all artifacts of the source that `path` belongs to, once the source is deleted."""
    directory = (root / path).parent
    for file in directory.glob("*"):
        file.unlink(missing_ok=True)
    with suppress(OSError):  # somebody else was faster, or is writing again
        directory.rmdir()


def collect_garbage(
    root: Path, path: str, *, now: float, retain: float = 60.0, records: int = 2
) -> list[str]:
    """Delete the artifacts of a source that nobody reads any more; returns their paths.

    As in source-controller: what is older than `retain` seconds goes, and beyond `records` files the
    oldest; never the current one at `path`. A half-written file is kept until it is old, since its writer
    may still be at it.
    """
    current = root / path
    files = sorted(
        (
            (entry.stat().st_mtime, Path(entry.path))
            for entry in os.scandir(current.parent)
            if entry.is_file()
        ),
        reverse=True,
    )
    kept, removed = 1, []
    for changed, file in files:
        if file == current:
            continue
        if now - changed <= retain and (kept < records or file.suffix == ".tmp"):
            kept += 1
            continue
        file.unlink(missing_ok=True)
        removed.append(str(file.relative_to(root)))
    return removed
