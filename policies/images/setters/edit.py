# SPDX-License-Identifier: Apache-2.0
"""Set the marked values of one file.

A marker marks the scalar before it on its line (in a flow collection also beyond a comma), or the one that
the next line begins with. It does not mark keys, aliases, collections, values that are not there, nor the
second value under one key. Differs from Flux, whose setters write the file anew:

- the new value is always a text: where the old one was a number or null Flux writes `!!float 1.10.0`, which
  nothing can read, and one under such a tag in the file is left alone;
- values and files with a template of Helm's in them are left alone, where Flux rewrites the template;
- an object in a `kind: List` is set where it stands; Flux writes it to a new file;
- a block scalar without a line is left alone.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from policies.errors import FairwayError
from policies.images.setters import comments, markers, places, reading, scalars
from policies.images.setters.markers import SIGN, Image, Marker, Part
from policies.images.setters.places import Identity, Scalar, Unreadable

_SIGN = SIGN.encode()
_BOM = "\ufeff"
_TYPES = re.compile(r"tag:yaml\.org,2002:(null|bool|int|float|timestamp|binary)")

Reason = Literal[
    "unreadable",
    "template",
    "malformed",
    "unknown-policy",
    "no-image",
    "no-value",
    "no-text",
    "no-digest",
    "quoted",
]


class InvalidImage(FairwayError):
    """An image that cannot be written into a file."""

    reason = "UpdateFailed"
    retryable = False


@dataclass(frozen=True, slots=True)
class Change:
    """A value that was set; `line` counts from 1, and the texts are as YAML reads them."""

    path: str
    line: int
    old: str
    new: str
    policy: str
    part: Part
    object: Identity


@dataclass(frozen=True, slots=True)
class Note:
    """Something for a person to look at: where, what kind of thing, and a sentence without a full stop."""

    path: str
    line: int
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Edited:
    """A file after its markers were followed; the content is the same object when nothing changed."""

    content: bytes
    changes: tuple[Change, ...] = ()
    notes: tuple[Note, ...] = ()


def concerns(path: str, content: bytes) -> bool:
    """Tell whether a file can have markers: by its name, and whether the sign of a marker is in it."""
    name = posixpath.basename(path)
    named = name.endswith((".yaml", ".yml")) or name == "Kustomization"
    return named and _SIGN in content


def check(policies: Mapping[str, Image | None]) -> None:
    """Raise InvalidImage when an image cannot stand in a file: as in Flux nothing is changed then."""
    for policy, image in policies.items():
        if image is not None:
            _check(policy, image)


def _check(policy: str, image: Image) -> None:
    if not image.name or not image.tag or not scalars.is_safe(image.part("image")):
        raise InvalidImage(
            f"the image of policy {policy} is {image.part('image')[:200]!r}, which is no image reference",
            remedy="look at the policy's status.latestRef",
        )


def set_images(path: str, content: bytes, policies: Mapping[str, Image | None]) -> Edited:
    """Set what is marked in a file to the images of the policies, which are called `namespace:name`.

    A policy of None is known and has no image yet. What cannot be set is left as it is and noted. Raises
    InvalidImage when an image that is marked cannot stand in a file; `check` looks at all before the first.
    """
    if not concerns(path, content):
        return Edited(content)
    try:
        text = content.decode()
        bom = text.startswith(_BOM)
        return _File(path, text.removeprefix(_BOM), policies).edited(content, _BOM if bom else "")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return _left(path, content, line, "unreadable", "it is not UTF-8: save it in UTF-8")
    except Unreadable as error:
        if error.template:
            said = f"{error.why}: if it is a template of Helm's, mark the image in its values"
            return _left(path, content, error.line, "template", said)
        return _left(path, content, error.line, "unreadable", f"{error.why}: mend it")


def _left(path: str, content: bytes, line: int, reason: Reason, message: str) -> Edited:
    return Edited(content, notes=(Note(path, line, reason, f"the file is left as it is, {message}"),))


class _File:
    """One file, and what is found in it."""

    def __init__(self, path: str, text: str, policies: Mapping[str, Image | None]) -> None:
        self._path, self._text, self._policies = path, text, policies
        self._places = reading.read(text)
        self._changes: list[Change] = []
        self._notes: list[Note] = []
        self._splices: list[scalars.Splice] = []
        self._requoted: list[tuple[int, list[scalars.Splice]]] = []

    def edited(self, content: bytes, bom: str) -> Edited:
        """Follow the markers."""
        taken: set[int] = set()
        for place in comments.find(self._text, self._places):
            scalar = comments.target(self._text, self._places, place)
            if scalar is not None and scalar.start in taken:
                scalar = None  # another comment marks it already
            self._follow(place, scalar)
            if scalar is not None:
                taken.add(scalar.start)
        if not self._changes:
            return Edited(content, notes=tuple(self._notes))
        for place, splices in self._requoted:
            self._splices += splices
            self._say(
                place, "quoted", "it is put in quotes, since YAML reads it as something else than a text"
            )
        whole = (bom + self._spliced()).encode()
        return Edited(whole, tuple(self._changes), tuple(sorted(self._notes, key=lambda note: note.line)))

    def _follow(self, place: int, scalar: Scalar | None) -> None:
        try:
            marker = markers.parse(places.rest_of_line(self._text, place))
        except ValueError as error:
            self._say(place, "malformed", f"the marker cannot be read, {error}")
            return
        if marker.policy not in self._policies:
            self._say(
                place, "unknown-policy", f"there is no policy {marker.policy} here: what it marks is left"
            )
            return
        image = self._policies[marker.policy]
        if image is None:
            self._say(place, "no-image", f"policy {marker.policy} has selected no image yet")
        elif scalar is None:
            self._say(place, "no-value", comments.why_not(self._text, self._places, place))
        else:
            _check(marker.policy, image)
            self._set(place, scalar, marker, image.part(marker.part))

    def _set(self, place: int, scalar: Scalar, marker: Marker, new: str) -> None:
        if "{{" in scalar.text:
            self._say(place, "template", "what it marks is a template: mark the image in its values")
            return
        if _TYPES.fullmatch(scalar.tag):
            tag = scalar.tag.rpartition(":")[2]
            self._say(place, "no-text", f"what it marks is no text, by its tag: remove !!{tag}")
            return
        if scalar.repeated:
            self._say(
                place, "no-value", "what it marks has a key that stands there before: remove one of them"
            )
            return
        splices = scalars.splices(self._text, scalar, new)
        if scalar.text == new:
            if not scalar.style and not scalars.reads_as_text(new):
                self._requoted.append((place, splices))
            return
        if not splices:
            self._say(place, "no-value", "the block that it marks has no line: write one")
            return
        if not new:
            said = (
                f"policy {marker.policy} reflects no digest, so it is emptied: set its digestReflectionPolicy"
            )
            self._say(place, "no-digest", said)
        self._splices += splices
        line, owner = self._places.line(scalar.start), self._places.owners[scalar.owner]
        self._changes.append(Change(self._path, line, scalar.text, new, marker.policy, marker.part, owner))

    def _spliced(self) -> str:
        parts, end = [], 0
        for start, until, new in sorted(self._splices):
            parts += [self._text[end:start], new]
            end = until
        return "".join([*parts, self._text[end:]])

    def _say(self, place: int, reason: Reason, message: str) -> None:
        self._notes.append(Note(self._path, self._places.line(place), reason, message))
