# SPDX-License-Identifier: Apache-2.0
"""`.fairway/declined.yaml`: the versions of images that are not proposed again, by people's decision.

An entry stands for one version, or for all of its minor or major one. Whoever wants a version back removes
its entry. A file that cannot be read declines everything, since what it meant to keep out cannot be known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from policies import clock, semver
from policies.images.setters import Image
from policies.repofile import messages
from policies.repofile.model import Part
from policies.repofile.positions import Path, Positions, Unreadable, load
from policies.repofile.problem import Problem, Span, in_order
from policies.repofile.texts import Login, Version, refused

NAME = ".fairway/declined.yaml"
_MOST = 1000  # entries
LONGEST = 500  # characters of a reason

Scope = Literal["version", "minor", "major"]


def _time(text: str) -> str:
    try:
        clock.parse(text)
    except ValueError:
        raise refused(f"{text[:40]!r} is no time", "write it like 2026-11-28T10:00:00Z") from None
    return text


class Declined(Part):
    """A version of an image that nobody wants, and who said so."""

    image: str = Field(min_length=1, max_length=300)
    version: str = Field(min_length=1, max_length=128)
    digest: str = Field("", max_length=200)
    scope: Scope = "version"
    by: Login = ""
    at: Annotated[str, AfterValidator(_time)] = ""
    pull_request: int = Field(0, ge=0)
    reason: str = Field("", max_length=LONGEST)

    @model_validator(mode="after")
    def _has_numbers(self) -> Self:
        if self.scope != "version":
            try:
                semver.parse(self.version)
            except ValueError:
                said = f"{self.version[:40]!r} has no {self.scope} version"
                raise refused(said, "write scope: version") from None
        return self

    def covers(self, image: Image) -> bool:
        """Tell whether an image is meant: with a digest only that one, without any of the version."""
        if image.name != self.image:
            return False
        if self.scope == "version":
            return image.tag == self.version and self.digest in ("", image.digest)
        try:
            declined, asked = semver.parse(self.version), semver.parse(image.tag)
        except ValueError:
            return False
        same = declined.major == asked.major
        return same and (self.scope == "major" or declined.minor == asked.minor)


class DeclinedFile(Part):
    """The file, version 1."""

    version: Version
    declined: list[Declined] = Field([], max_length=_MOST)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the file says; None when a problem is in the way."""

    entries: tuple[Declined, ...] | None
    problems: tuple[Problem, ...]
    positions: Positions


# A repository without the file declines nothing.
ABSENT = Reading((), (), Positions())


def read(text: bytes) -> Reading:
    """Read the file; this never raises, and each problem's line is one of the file's."""
    try:
        value, positions = load(text)
    except Unreadable as error:
        return Reading(None, error.problems, Positions())
    try:
        model = DeclinedFile.model_validate(value)
    except ValidationError as error:
        found = messages.problems(error, positions, _keys)
        return Reading(None, in_order(found), positions)
    return Reading(tuple(model.declined), (), positions)


def covering(image: Image, entries: Iterable[Declined]) -> Declined | None:
    """Return the first entry that declines an image."""
    return next((entry for entry in entries if entry.covers(image)), None)


def place(reading: Reading, index: int) -> Span:
    """Return where an entry stands in its file."""
    return reading.positions.of(("declined", index))


def _keys(path: Path) -> tuple[str, ...]:
    model: type[Part] = DeclinedFile if not path else Declined
    return tuple(field.alias or name for name, field in model.model_fields.items())
