# SPDX-License-Identifier: Apache-2.0
"""YAML as JSON means it, with the place of every key and value.

Scalars are what YAML 1.2's core schema makes of them, so `on`, `off`, `yes` and `no` are texts; a key is
always a text. Aliases are not followed and tags not read, so nothing can grow on the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from policies.repofile.problem import MOST, Problem, Span, in_order

LARGEST = 64 * 1024  # bytes
_DEEPEST = 16  # levels
_TAGS = "tag:yaml.org,2002:"  # what !! stands for
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Path = tuple[str | int, ...]

_NULL = re.compile(r"null|Null|NULL|~|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_WHOLE = re.compile(r"[-+]?[0-9]+")
_OTHER_WHOLE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_BROKEN = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_LONGEST_KEY = 64  # characters of it that are shown; none of ours is longer
_DIGITS = 18  # more of them are only "a lot"
# What YAML does not allow, what it and GitHub count as lines differently, and what changes how a line reads.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]|\r(?!\n)"
)


@dataclass(frozen=True, slots=True)
class Positions:
    """Where keys and values of a file stand, by their path."""

    keys: dict[Path, Span] = field(default_factory=dict)
    values: dict[Path, Span] = field(default_factory=dict)

    def of(self, path: Path) -> Span:
        """Return where a value stands, or what holds it when it is not in the file."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, Span())

    def of_key(self, path: Path) -> Span:
        """Return where a value's key stands; an entry of a list has none, and stands for itself."""
        while path and path not in self.keys and path not in self.values:
            path = path[:-1]
        return self.keys.get(path) or self.of(path)


class Unreadable(Exception):
    """The text is no YAML, or more than plain YAML; `problems` say where."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def shown(path: Path) -> str:
    """Write a path as `orders.promote.teams[0]`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{_short(part)}" for part in path)
    return "".join(parts).removeprefix(".")


def _short(key: str) -> str:
    line = " ".join(key.split())
    return line if len(line) <= _LONGEST_KEY else line[: _LONGEST_KEY - 1] + "…"


def load(text: bytes) -> tuple[Any, Positions]:
    """Read a file; raises Unreadable with everything that makes it so."""
    reader = _Reader(_decoded(text))
    try:
        value = reader.document()
    except yaml.YAMLError as error:
        raise Unreadable(in_order([*reader.problems, reader.broken(error)])) from None
    if reader.problems:
        raise Unreadable(in_order(reader.problems))
    return value, reader.positions


def _decoded(text: bytes) -> str:
    if len(text) > LARGEST:
        raise Unreadable((Problem(Span(), "", f"it is larger than {LARGEST // 1024} KiB"),))
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        raise Unreadable(
            (Problem(Span(line, 1, line), "", "it is not UTF-8", "save the file in UTF-8"),)
        ) from None
    if found := _FORBIDDEN.search(decoded):
        before = decoded[: found.start()]
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        said = f"it has a character that cannot be seen, U+{ord(found.group()):04X}"
        raise Unreadable((Problem(Span(line, column, line), "", said, "remove it"),))
    return decoded


class _Reader:
    """Reads the events of one file into values; collects what is wrong and goes on where it can."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        # What follows the last line break is no line unless something stands there.
        self._last = max(len(self._lines) - (not self._lines[-1]), 1)
        self._events: Iterator[yaml.Event] = iter(yaml.parse(text, Loader=_PARSER))
        self.problems: list[Problem] = []
        self.positions = Positions()

    def document(self) -> Any:
        """Read the only document."""
        event = next(self._events)
        while not isinstance(event, yaml.DocumentStartEvent):
            if isinstance(event, yaml.StreamEndEvent):
                self._say(Span(), (), "it is empty", "begin with version: 1, or remove the file")
                return None
            event = next(self._events)
        value = self._node(next(self._events), ())
        next(self._events)
        following = next(self._events)
        if isinstance(following, yaml.DocumentStartEvent):
            self._say(self._span(following), (), "a second document begins here", "keep one")
        return value

    def broken(self, error: yaml.YAMLError) -> Problem:
        """Say why it is no YAML."""
        mark = getattr(error, "problem_mark", None)
        line = min(mark.line + 1, self._last) if mark else 1
        column = mark.column + 1 if mark and mark.line + 1 == line else 1
        problem = getattr(error, "problem", None) or "unreadable characters"
        tab = "\t" in self._lines[line - 1][: column + 1]
        remedy = "indent with spaces, not with tabs" if tab else ""
        return Problem(Span(line, column, line), "", f"it is no YAML: {problem}", remedy)

    def _node(self, event: yaml.Event, path: Path) -> Any:
        span = self._span(event)
        self.positions.values[path] = span
        if len(path) > _DEEPEST:
            self._say(span, path[:_DEEPEST], f"it is nested more than {_DEEPEST} levels deep")
            raise Unreadable(in_order(self.problems))
        if isinstance(event, yaml.AliasEvent):
            self._say(span, path, "aliases are not followed", "write out what it stands for")
            return None
        if (tag := getattr(event, "tag", None)) is not None:
            self._say(span, path, "tags are not read", f"remove {tag.replace(_TAGS, '!!')}")
        if isinstance(event, yaml.ScalarEvent):
            return _plain(event.value) if event.implicit[0] else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            found: list[Any] = []
            for item in self._until(yaml.SequenceEndEvent):
                found.append(self._node(item, (*path, len(found))))
                self._stretch(path, (*path, len(found) - 1))
            return found
        return self._mapping(path)

    def _mapping(self, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in self._until(yaml.MappingEndEvent):
            if not isinstance(name, yaml.ScalarEvent) or name.tag is not None:
                self._say(self._span(name), path, "a key must be plain text")
                raise Unreadable(in_order(self.problems))
            inner = (*path, name.value)
            span = self._span(name)
            if name.value in found:
                first = self.positions.keys[inner].line
                self._say(span, inner, f"it stands here twice, first in line {first}", "keep one of them")
            self.positions.keys[inner] = span
            found[name.value] = self._node(next(self._events), inner)
            self._stretch(path, inner)
        return found

    def _stretch(self, path: Path, inner: Path) -> None:
        """Let a value end where the last one in it does: its own end is where the next begins."""
        own, last = self.positions.values[path], self.positions.values[inner]
        end = max(own.end_line, last.end_line)
        self.positions.values[path] = Span(own.line, own.column, end, own.length)

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        while not isinstance(event := next(self._events), end):
            yield event

    def _span(self, event: yaml.Event) -> Span:
        start, end = _mark(event.start_mark), _mark(event.end_mark)
        line = min(start.line + 1, self._last)
        # A block's end is the beginning of the line after it.
        last = end.line if end.column == 0 and end.line > start.line else end.line + 1
        last = max(min(last, self._last), line)
        rest = len(self._lines[line - 1].rstrip("\r")) - start.column
        length = end.column - start.column if end.line == start.line else rest
        return Span(line, start.column + 1, last, max(min(length, rest), 1))

    def _say(self, span: Span, path: Path, message: str, remedy: str = "") -> None:
        self.problems.append(Problem(span, shown(path), message, remedy))
        if len(self.problems) == MOST:
            raise Unreadable(in_order(self.problems))


def _mark(mark: Any) -> yaml.Mark:
    """Return a mark as the events of a parser have it; the types allow for events made by hand."""
    found: yaml.Mark = mark
    return found


def _plain(text: str) -> Any:
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return bool(_TRUE.fullmatch(text))
    if _WHOLE.fullmatch(text):
        return int(text) if len(text) <= _DIGITS else 10**_DIGITS
    if _OTHER_WHOLE.fullmatch(text):
        return int(text, 0) if len(text) <= _DIGITS else 10**_DIGITS
    if _BROKEN.fullmatch(text):
        return float(re.sub(r"\.(?=inf|nan)", "", text.lower()))
    return text
