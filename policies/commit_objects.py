# SPDX-License-Identifier: Apache-2.0
"""A commit as Git stores and signs it; `signed_objects` reads the same."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FORBIDDEN = re.compile(r"[<>\n\r\0]")


@dataclass(frozen=True, slots=True)
class NewCommit:
    """A commit on a parent; `at` is its time in seconds since 1970, author and committer are the same."""

    tree: str
    parent: str
    name: str
    email: str
    at: int
    message: str

    def raw(self, signature: str = "") -> bytes:
        """Return the object's bytes; without the signature they are what is signed."""
        who = f"{self._name} <{_FORBIDDEN.sub('', self.email).strip()}> {self.at} +0000"
        lines = [f"tree {self.tree}", f"parent {self.parent}", f"author {who}", f"committer {who}"]
        if signature:
            lines.append("gpgsig " + signature.strip().replace("\n", "\n "))
        return ("\n".join(lines) + "\n\n" + self.message.replace("\0", "")).encode(errors="replace")

    @property
    def _name(self) -> str:
        # Git refuses a commit of nobody; it takes what stands before the @ itself.
        cleaned = _FORBIDDEN.sub("", self.name).strip()
        return cleaned or _FORBIDDEN.sub("", self.email).partition("@")[0].strip() or "fairway"
