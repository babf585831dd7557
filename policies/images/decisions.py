# SPDX-License-Identifier: Apache-2.0
"""What can become of a group of updates and of an open pull request; policies.images.proposals decides it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from policies.images.grouping import Group

Held = Literal["declined", "unreadable", "age", "grouping", "window", "open", "per-hour"]


@dataclass(frozen=True, slots=True)
class Open:
    """A pull request is opened."""

    branch: str
    group: Group


@dataclass(frozen=True, slots=True)
class Renew:
    """A pull request proposes something else now, or is made anew on a base that moved."""

    number: int
    branch: str
    group: Group


@dataclass(frozen=True, slots=True)
class Leave:
    """A pull request stays as it is; `edited`: because a person pushed to it, whatever is new."""

    number: int
    edited: bool = False


@dataclass(frozen=True, slots=True)
class Close:
    """A pull request is needed no more: the base has it, it was declined, or another group proposes it."""

    number: int
    why: Literal["nothing-left", "declined", "regrouped"]


@dataclass(frozen=True, slots=True)
class Hold:
    """A group waits: why, which policies, and until when as far as that is known."""

    branch: str
    why: Held
    policies: tuple[str, ...]
    until: datetime | None = None


Decision = Open | Renew | Leave | Close | Hold
