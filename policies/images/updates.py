# SPDX-License-Identifier: Apache-2.0
"""One policy's new image in a repository: what it replaces, and how large a step that is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from policies import semver
from policies.images.setters import Change, Image

Step = Literal["digest", "patch", "minor", "major", "other"]
_BY_SIZE: tuple[Step, ...] = ("digest", "patch", "minor", "major", "other")


@dataclass(frozen=True, slots=True)
class Update:
    """A policy (`namespace:name`), its image, and the values that are to be set, at least one.

    `since` is when the image was made, or first seen; None when nobody knows.
    """

    policy: str
    image: Image
    changes: tuple[Change, ...]
    since: datetime | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """Return the files that change, in order and each once."""
        return tuple(sorted({change.path for change in self.changes}))

    @property
    def version(self) -> str:
        """Return what is proposed, as it can be compared: the tag, and the digest where one is written."""
        return version(self.image)

    @property
    def step(self) -> Step:
        """Return the largest step that one of its values makes."""
        return largest(step(change, self.image) for change in self.changes)


def version(image: Image) -> str:
    """Return what tells an image from others of its name."""
    return f"{image.tag}@{image.digest}" if image.digest else image.tag


def largest(steps: Iterable[Step]) -> Step:
    """Return the largest of some steps; the smallest there is when there are none."""
    return max(steps, key=_BY_SIZE.index, default=_BY_SIZE[0])


def step(change: Change, image: Image) -> Step:
    """Say how large a step a value makes: `other` when it goes back, or cannot be told by versions."""
    if change.part == "digest":
        return "digest"
    if change.part == "name":
        return "other"  # another image altogether
    name, tag = split(change.old) if change.part == "image" else (image.name, change.old)
    if name != image.name:
        return "other"
    if tag == image.tag:
        return "digest"
    try:
        old, new = semver.parse(tag), semver.parse(image.tag)
    except ValueError:
        return "other"
    if new < old:
        return "other"
    if old.major != new.major:
        return "major"
    return "minor" if old.minor != new.minor else "patch"


def split(reference: str) -> tuple[str, str]:
    """Split a reference into name and tag; the digest is left out, and what is missing is empty."""
    name = reference.partition("@")[0]
    host, slash, rest = name.rpartition("/")
    last, _, tag = rest.partition(":")
    return f"{host}{slash}{last}", tag
