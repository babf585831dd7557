# SPDX-License-Identifier: Apache-2.0
"""Where the scalars of a YAML file stand, by the events of PyYAML's parser.

Only places are taken from it: what a value means is for whoever applies the file.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

import yaml

_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
BREAKS = ("\r", "\n", "\x85", "\u2028", "\u2029")  # what ends a line, and with it a comment
_TO_BREAK = re.compile(f"[^{''.join(BREAKS)}]*")
_PROPERTY = re.compile(r"(!<[^>]*>|[&!][^\s,\[\]{}]*)(\s+|#[^\r\n]*)*")
_LISTS = frozenset({"List", "ResourceList"})
_WHO = {("object", "apiVersion"), ("object", "kind"), ("metadata", "name"), ("metadata", "namespace")}


@dataclass(frozen=True, slots=True)
class Identity:
    """Which object of a file a value belongs to; what the file does not say is empty."""

    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar's own characters, without anchor and tag; `content` is where its text begins.

    `begins` is where anchor or tag do, `style` a quote, `|`, `>` or nothing; `owner` is a place in
    `Places.owners`. A key, and a value under a key that stands in its mapping already, are told apart.
    """

    begins: int
    start: int
    content: int
    end: int
    text: str
    style: str
    tag: str
    flow: bool
    key: bool
    repeated: bool
    owner: int


class Unreadable(Exception):
    """The text is no YAML that can be edited; `line` counts from 1, `why` is a clause."""

    def __init__(self, line: int, why: str, *, template: bool = False) -> None:
        super().__init__(why)
        self.line, self.why, self.template = line, why, template


@dataclass(slots=True)
class Places:
    """Every scalar of a file that has characters, in their order."""

    scalars: list[Scalar] = field(default_factory=list)
    owners: list[Identity] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)

    def before(self, place: int) -> Scalar | None:
        """Return the last scalar that begins before a place."""
        index = bisect_right(self._starts, place)
        return self.scalars[index - 1] if index else None

    def after(self, place: int) -> Scalar | None:
        """Return the first scalar that begins behind a place."""
        index = bisect_right(self._starts, place)
        return self.scalars[index] if index < len(self.scalars) else None

    def index(self) -> None:
        """Make ready to be asked."""
        self._starts = [scalar.start for scalar in self.scalars]


def line_of(text: str, place: int) -> int:
    """Return the line of a place, counted from 1 as editors and GitHub count."""
    return text.count("\n", 0, place) + 1


def rest_of_line(text: str, place: int) -> str:
    """Return what stands from a place to the end of its line."""
    found = _TO_BREAK.match(text, place)
    return found[0] if found else ""


def next_line(text: str, place: int) -> int:
    """Return where the line after that of a place begins."""
    end = place + len(rest_of_line(text, place))
    return end + (2 if text.startswith("\r\n", end) else 1)


def read(text: str) -> Places:
    """Find the scalars of all documents; raises Unreadable."""
    walk = _Walk(text)
    try:
        for event in yaml.parse(text, Loader=_PARSER):
            walk.take(event)
    except yaml.YAMLError as error:
        raise _broken(text, error) from None
    return walk.finish()


@dataclass(slots=True)
class _Frame:
    """A collection that is being read, and what it is for its object."""

    mapping: bool
    flow: bool
    owner: int
    role: str = ""  # document, object, metadata or items
    at_key: bool = True
    key: str = ""
    repeated: bool = False
    keys: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Owner:
    """An object; `inside` is the one whose items it is among."""

    fields: dict[str, str]
    inside: int | None


class _Walk:
    """Follows the events of a file."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._stack: list[_Frame] = []
        self._owners: list[_Owner] = []
        self._anchors: set[str] = set()
        self._places = Places()

    def take(self, event: Any) -> None:
        """Follow one event."""
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._opens(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent() | yaml.DocumentEndEvent():
                self._stack.pop()
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.DocumentStartEvent():
                self._anchors = set()
                self._stack.append(_Frame(mapping=False, flow=False, owner=-1, role="document"))

    def finish(self) -> Places:
        """Return what was found."""
        for owner in self._owners:
            whole = self._owners[owner.inside] if owner.inside is not None else owner
            told = owner if owner is whole or whole.fields.get("kind") in _LISTS else whole
            names = (told.fields.get(key, "") for key in ("apiVersion", "kind", "namespace", "name"))
            self._places.owners.append(Identity(*names))
        self._places.index()
        return self._places

    def _is_key(self) -> bool:
        """Tell whether the node that begins is a key, and expect what follows it."""
        frame = self._stack[-1]
        if not frame.mapping:
            return False
        frame.at_key = not frame.at_key
        return not frame.at_key

    def _opens(self, event: Any) -> None:
        above, start = self._stack[-1], event.start_mark.index
        key, mapping = self._is_key(), isinstance(event, yaml.MappingStartEvent)
        if above.role == "document" and not mapping:
            raise Unreadable(line_of(self._text, start), "it is a list and no object")
        if key:
            above.key, above.repeated = "", False
            if mapping and event.flow_style and self._text.startswith("{{", start - 1):
                raise Unreadable(line_of(self._text, start), "it is a template", template=True)
        if event.anchor:
            self._anchors.add(event.anchor)
        frame = _Frame(mapping, bool(event.flow_style), above.owner)
        self._meet(frame, above, key=key)
        self._stack.append(frame)

    def _meet(self, frame: _Frame, above: _Frame, *, key: bool) -> None:
        """Say what a collection is for the object that it belongs to."""
        if frame.mapping and above.role in ("document", "items"):
            self._owners.append(_Owner({}, above.owner if above.role == "items" else None))
            frame.role, frame.owner = "object", len(self._owners) - 1
        elif not key and above.role == "object":
            # Items of items are no objects of their own.
            top = self._owners[above.owner].inside is None
            frame.role = {(True, "metadata"): "metadata", (False, "items"): "items" if top else ""}.get(
                (frame.mapping, above.key), ""
            )

    def _alias(self, event: Any) -> None:
        self._is_key()
        if event.anchor not in self._anchors:
            line = line_of(self._text, event.start_mark.index)
            raise Unreadable(line, f"the alias *{event.anchor} has no anchor")

    def _scalar(self, event: Any) -> None:
        frame, key = self._stack[-1], self._is_key()
        if event.anchor:
            self._anchors.add(event.anchor)
        if key:
            frame.key, frame.repeated = event.value, event.value in frame.keys
            frame.keys.add(event.value)
        elif frame.mapping and not frame.repeated and (frame.role, frame.key) in _WHO:
            self._owners[frame.owner].fields[frame.key] = event.value
        style = event.style or ""
        if not style and not event.value:
            return  # nothing stands there
        start, end = event.start_mark.index, event.end_mark.index
        if frame.role == "document":
            raise Unreadable(line_of(self._text, start), "it is a text and no object")
        begins, content = start, 0
        if event.anchor or event.tag:
            while found := _PROPERTY.match(self._text, start):
                start = found.end()
        content = start + len(style)
        if style in "|>" and style:
            content = min(next_line(self._text, start), end)
        self._places.scalars.append(
            Scalar(
                begins,
                start,
                content,
                end,
                event.value,
                style,
                event.tag or "",
                frame.flow,
                key,
                frame.repeated,
                frame.owner,
            )
        )


def _broken(text: str, error: yaml.YAMLError) -> Unreadable:
    mark = getattr(error, "problem_mark", None)
    place = mark.index if mark else getattr(error, "position", 0)
    why = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable characters"
    return Unreadable(line_of(text, place), f"it is no YAML: {why}", template="{{" in text)
