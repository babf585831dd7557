# SPDX-License-Identifier: Apache-2.0
"""The marker in a comment, and what it makes of an image."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal, get_args

SIGN = '"$imagepolicy"'  # without it no file is looked at any closer
_KEY = "$imagepolicy"

Part = Literal["image", "name", "tag", "digest"]


@dataclass(frozen=True, slots=True)
class Image:
    """The newest image of a policy, as its status.latestRef has it; the digest may be empty."""

    name: str
    tag: str
    digest: str = ""

    def part(self, part: Part) -> str:
        """Return what a marker for this part is replaced by."""
        if part != "image":
            return {"name": self.name, "tag": self.tag, "digest": self.digest}[part]
        return f"{self.name}:{self.tag}@{self.digest}" if self.digest else f"{self.name}:{self.tag}"


@dataclass(frozen=True, slots=True)
class Marker:
    """A policy, as `namespace:name`, and the part of its image that is wanted."""

    policy: str
    part: Part


def parse(comment: str) -> Marker:
    """Read a comment that holds the sign; raises ValueError with a clause on what is wrong.

    As in Flux the whole comment is one JSON object of texts, in which others may stand beside ours.
    """
    try:
        found = json.loads(comment.lstrip("#"))
    except (ValueError, RecursionError):  # brackets in brackets, a thousand deep
        raise ValueError("the comment is no JSON object and nothing else") from None
    if not isinstance(found, dict) or not all(isinstance(text, str | None) for text in found.values()):
        raise ValueError("the comment is no JSON object of texts")
    return _named(found.get(_KEY) or "")


def _named(text: str) -> Marker:
    namespace, _, rest = text.partition(":")
    name, colon, part = rest.partition(":")
    if not namespace or not name:
        raise ValueError(f"{text!r} does not name a policy as namespace:name")
    if not colon:
        return Marker(f"{namespace}:{name}", "image")
    for known in get_args(Part)[1:]:
        if part == known:
            return Marker(f"{namespace}:{name}", known)
    raise ValueError(f"{text!r} asks for {part!r}: known are name, tag and digest")
