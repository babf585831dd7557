# SPDX-License-Identifier: Apache-2.0
"""What a pull request for images says of itself to us: a hidden line of its body, found by whoever asks.

A closed pull request declines what its record names. Whoever may edit the body may decide so anyway, so
nothing here gives a right: a record only ever keeps a version out, or names what a pull request is about.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from policies.images.declined import Declined, Scope
from policies.images.declining import entry
from policies.images.grouping import Group
from policies.images.setters import Image

_MARKED = re.compile(r"^<!-- fairway:images (\{[^\n]*\}) -->$", re.MULTILINE)
_DASHES = re.compile(r"-(?=-)")
_SCOPES: tuple[Scope, ...] = ("version", "minor", "major")
_FIELDS = ("name", "tag", "digest")
_TEXTS = ("anew", "files")  # of a record, left out where they are empty


@dataclass(frozen=True, slots=True)
class Record:
    """What a pull request proposes: the image of each policy (`namespace:name`), on a commit of the base.

    `scope` is how much of each version is declined once it is closed. One without images declines nothing:
    that is how ours are closed by ourselves. `anew` is the head with which a person wants the branch made
    anew, whoever has pushed to it. `files` stands for the files that it changes, as they are on the base.
    """

    base: str
    images: Mapping[str, Image] = field(default_factory=dict)
    scope: Scope = "version"
    anew: str = ""
    files: str = ""

    @classmethod
    def of(cls, group: Group, base: str, files: str = "") -> Record:
        return cls(base, {update.policy: update.image for update in group.updates}, files=files)

    def wants_anew(self, head: str) -> bool:
        """Tell whether a branch with this head is to be made anew: what was pushed since is not meant."""
        return bool(head) and self.anew == head

    def declined(self) -> tuple[Declined, ...]:
        """Return what it declines once it is closed; what has no minor or major version declines itself."""
        return tuple(_entry(image, self.scope) for image in self.images.values())


def line(record: Record) -> str:
    """Write the hidden line."""
    images = {
        policy: {name: value for name in _FIELDS if (value := getattr(image, name))}
        for policy, image in sorted(record.images.items())
    }
    said: dict[str, Any] = {"base": record.base, "images": images}
    if record.scope != "version":
        said["scope"] = record.scope
    said |= {name: value for name in _TEXTS if (value := getattr(record, name))}
    # Nothing in it can end the comment.
    text = _DASHES.sub(r"\\u002d", json.dumps(said, separators=(",", ":")).replace(">", "\\u003e"))
    return f"<!-- fairway:images {text} -->"


def read(body: str) -> Record | None:
    """Find the record in a body; None for one without, or with one that cannot be understood."""
    found = _MARKED.search(body.replace("\r\n", "\n"))
    try:
        said = json.loads(found[1]) if found else None
    except ValueError:
        return None
    return _record(said) if isinstance(said, dict) else None


def put(body: str, record: Record) -> str:
    """Return a body with another record in the place of its own, or with one at its end."""
    text = body.replace("\r\n", "\n")
    if _MARKED.search(text):
        return _MARKED.sub(lambda _: line(record), text, count=1)
    return f"{text.rstrip()}\n\n{line(record)}\n"


def declined_by(records: Iterable[Record]) -> tuple[Declined, ...]:
    """Return what all of some closed pull requests decline."""
    return tuple(one for record in records for one in record.declined())


def _record(said: Mapping[str, Any]) -> Record | None:
    base, given, scope = said.get("base"), said.get("images"), said.get("scope", "version")
    if not isinstance(base, str) or not isinstance(given, dict) or scope not in _SCOPES:
        return None
    images = {policy: image for policy, one in given.items() if (image := _image(one)) is not None}
    texts = {name: value for name in _TEXTS if isinstance(value := said.get(name), str)}
    known = Record(base, images, scope, **texts)
    return known if len(images) == len(given) else None


def _image(said: Any) -> Image | None:
    if not isinstance(said, dict) or not all(isinstance(said.get(name, ""), str) for name in _FIELDS):
        return None
    name, tag, digest = (said.get(name, "") for name in _FIELDS)
    fits = name and tag and len(name) <= 300 and len(tag) <= 128 and len(digest) <= 200
    return Image(name, tag, digest) if fits and all(map(_is_text, (name, tag, digest))) else None


def _is_text(text: str) -> bool:
    """Tell whether it is no half of a character, which JSON can hold and no file."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _entry(image: Image, scope: Scope) -> Declined:
    try:
        return entry(image, scope, by="", at="")
    except ValueError:
        return entry(image, "version", by="", at="")
