# SPDX-License-Identifier: Apache-2.0
"""Write an entry into `.fairway/declined.yaml`, or take one out: nothing else of the file changes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from policies.errors import FairwayError
from policies.images.declined import LONGEST, NAME, Declined, Reading, Scope, read
from policies.images.setters import Image
from policies.images.setters.scalars import reads_as_text

_NEW = """\
# Versions of images that Fairway does not propose again. Remove an entry to have it proposed.
version: 1
declined:
"""
_SCOPES = ("version", "minor", "major")
_KEY = re.compile(r"(declined[ \t]*:)")
_EMPTY = re.compile(r"(declined[ \t]*:)[ \t]*\[[ \t]*\]")


class NotWritable(FairwayError):
    """The file cannot be added to: it has a failure, or is not written as a list of lines."""

    reason = "DeclinedFileInvalid"
    retryable = False


def entry(
    image: Image, scope: Scope, *, by: str, at: str, pull_request: int = 0, reason: str = ""
) -> Declined:
    """Make an entry for an image; the digest counts only for this version, and the reason is cut to fit.

    Raises pydantic's ValidationError, a ValueError, when the image has no minor or major version.
    """
    shown = "".join(c if c.isprintable() else " " for c in reason)
    found = {
        "image": image.name,
        "version": image.tag,
        "digest": image.digest if scope == "version" else "",
        "scope": scope,
        "by": by,
        "at": at,
        "pullRequest": pull_request,
        "reason": " ".join(shown.split())[:LONGEST],
    }
    return Declined.model_validate({key: value for key, value in found.items() if value})


def add(text: bytes | None, entry: Declined) -> bytes:
    """Return the file with an entry; None stands for no file.

    A file that declines the same already, with the same scope or a larger one, is returned as it is. Raises
    NotWritable.
    """
    if text is None:
        return (_NEW + _lines(entry, "", "\n")).encode()
    reading, entries = _read(text)
    if _is_covered(entry, entries):
        return text
    return _checked(_added(text.decode(), entry, reading), (*entries, entry), reading, "added to")


def without(text: bytes, pull_request: int) -> tuple[bytes, tuple[Declined, ...]]:
    """Return the file without the entries of a pull request, and these; raises NotWritable."""
    reading, entries = _read(text)
    gone = [number for number, entry in enumerate(entries) if entry.pull_request == pull_request]
    if not gone:
        return text, ()
    left = tuple(entry for number, entry in enumerate(entries) if number not in gone)
    lines = text.decode().split("\n")
    for number in reversed(gone):
        where = reading.positions.of(("declined", number))
        if not lines[where.line - 1].lstrip().startswith("-"):
            raise _as_it_is_written(reading, "taken out of")
        del lines[where.line - 1 : where.end_line]
    if not left:
        key = reading.positions.keys[("declined",)].line - 1
        lines[key] = _KEY.sub(r"\1 []", lines[key], count=1)
    text = _checked("\n".join(lines), left, reading, "taken out of")
    return text, tuple(entries[number] for number in gone)


def _read(text: bytes) -> tuple[Reading, tuple[Declined, ...]]:
    reading = read(text)
    if reading.entries is None:
        where = reading.problems[0]
        raise NotWritable(f"{NAME}, line {where.where.line}: {where}", remedy="mend it and order again")
    return reading, reading.entries


def _checked(written: str, wanted: tuple[Declined, ...], reading: Reading, how: str) -> bytes:
    """Return what was written, if it reads as it should."""
    if read(written.encode()).entries != wanted:
        raise _as_it_is_written(reading, how)
    return written.encode()


def _as_it_is_written(reading: Reading, how: str) -> NotWritable:
    line = reading.positions.of(("declined",)).line
    return NotWritable(
        f"{NAME}, line {line}: nothing can be {how} it as it is written",
        remedy="write version and declined on lines of their own, and each entry behind a dash",
    )


def _is_covered(entry: Declined, entries: Sequence[Declined]) -> bool:
    image = Image(entry.image, entry.version, entry.digest)
    wide = _SCOPES.index(entry.scope)
    return any(_SCOPES.index(other.scope) >= wide and other.covers(image) for other in entries)


def _added(text: str, entry: Declined, reading: Reading) -> str:
    """Put an entry behind the last one, or where the first one belongs."""
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.split("\n")
    if not reading.entries:
        return _first(lines, entry, reading, end)
    first, last = reading.positions.of(("declined", 0)), reading.positions.of(("declined",))
    begin = lines[first.line - 1]
    indent = begin[: len(begin) - len(begin.lstrip(" "))]
    return _inserted(lines, last.end_line, _lines(entry, indent, end), end)


def _first(lines: list[str], entry: Declined, reading: Reading, end: str) -> str:
    if (key := reading.positions.keys.get(("declined",))) is None:
        last = len(lines) if lines[-1] else len(lines) - 1
        return _inserted(lines, last, f"declined:{end}{_lines(entry, '', end)}", end)
    lines[key.line - 1] = _EMPTY.sub(r"\1", lines[key.line - 1])
    return _inserted(lines, key.line, _lines(entry, "", end), end)


def _inserted(lines: list[str], after: int, new: str, end: str) -> str:
    """Put lines behind the one of this number, which may be the last and have no end."""
    before, rest = "\n".join(lines[:after]), lines[after:]
    if not rest:
        return before + end + new.removesuffix(end)
    return "\n".join([before, new + "\n".join(rest)])


def _lines(entry: Declined, indent: str, end: str) -> str:
    fields = entry.model_dump(by_alias=True, exclude_defaults=True)
    written = [f"{key}: {_scalar(value)}" for key, value in fields.items()]
    return "".join(
        f"{indent}{'- ' if not number else '  '}{line}{end}" for number, line in enumerate(written)
    )


def _scalar(value: str | int) -> str:
    if isinstance(value, int) or reads_as_text(value):
        return str(value)
    return json.dumps(value, ensure_ascii=False)
