# SPDX-License-Identifier: Apache-2.0
"""A webhook as it was sent: its body, and those of its headers that say something about the sender."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

TASK = "workers.tasks.on_hook"
LARGEST_BODY = 3 * 1024 * 1024  # bytes; Flux takes no more
KEPT = 60  # seconds a delivery lies in Redis at most
HEADERS = (
    "Authorization",
    "Ce-Type",
    "Content-Type",
    "X-Event-Key",
    "X-GitHub-Event",
    "X-Gitlab-Event",
    "X-Gitlab-Token",
    "X-Hub-Signature",
    "X-Hub-Signature-256",
    "X-Nexus-Webhook-Signature",
    "X-Signature",
)


class Malformed(Exception):
    """The body is not what it is said to be; the text says how."""


def lies_at(delivery_id: str) -> str:
    """Return the Redis key of a sealed delivery."""
    return f"fairway:hook:{delivery_id}"


def answered_at(delivery_id: str) -> str:
    """Return the Redis key of the list that gets the answer, a status code in digits."""
    return f"fairway:hook:{delivery_id}:answer"


@dataclass(frozen=True, slots=True)
class Delivery:
    """Nothing of it may be logged: headers and body may hold what proves who sent it."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def header(self, name: str) -> str:
        """Return a header of HEADERS; empty when it was not sent."""
        return self.headers.get(name, "")

    def pack(self) -> bytes:
        """Write it as one line of JSON and the body."""
        return json.dumps(dict(self.headers)).encode() + b"\n" + self.body

    @classmethod
    def unpack(cls, packed: bytes) -> Delivery:
        """Read what `pack` wrote."""
        headers, _, body = packed.partition(b"\n")
        return cls(body, json.loads(headers))

    @property
    def content_type(self) -> str:
        """The media type of the body, in small letters; empty when there is none."""
        return _media_type(self.header("Content-Type"))

    @property
    def is_json(self) -> bool:
        """Tell whether it says that it is JSON; of several types, as Flux reads them, one is enough."""
        return "application/json" in map(_media_type, self.header("Content-Type").split(","))

    def object(self) -> dict[str, Any]:
        """Return the body's JSON object, in which as in Flux every number is a fraction; raises Malformed."""
        try:
            read = json.loads(self.body, parse_int=_number, parse_float=_number, parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise Malformed("the body is not JSON") from None
        if read is None:
            return {}
        if not isinstance(read, dict):
            raise Malformed("the body is JSON, but no object")
        return read


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number too large")
    return value


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _media_type(header: str) -> str:
    message = Message()
    message["Content-Type"] = header.replace("\n", " ").replace("\r", " ")
    return message.get_content_type() if "/" in header else ""
