# SPDX-License-Identifier: Apache-2.0
"""Find the scalars of a YAML file by the events of PyYAML's parser.

Only places are taken from it: what a value means is for whoever applies the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from policies.images.setters.places import BREAKS, Identity, Places, Scalar, Unreadable, line_of, next_line

_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PROPERTY = re.compile(rf"(!<[^>]*>|[&!][^\s,\[\]{{}}]*)(\s+|#[^{''.join(BREAKS)}]*)*")
_DEEPEST = 500  # levels: the parser's time grows with the square of them
_LISTS = frozenset({"List", "ResourceList"})
_WHO = {("object", "apiVersion"), ("object", "kind"), ("metadata", "name"), ("metadata", "namespace")}


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
        self._places.index(self._text)
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
        if len(self._stack) > _DEEPEST:
            said = f"it is nested more than {_DEEPEST} levels deep"
            raise Unreadable(line_of(self._text, start), said)
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
