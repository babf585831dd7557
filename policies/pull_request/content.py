# SPDX-License-Identifier: Apache-2.0
"""What the comment of a pull request and the report of a check run hold, before it is put into words.

Strings in these values may come from Git and the cluster, unescaped; times are RFC 3339.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from policies.objects import ObjectRef
from policies.orders.locks import Hold, Lock
from policies.pull_request.outcome import Outcome


class Mark(Enum):
    """How an object does, the worst first; the value is how it is shown."""

    FAILED = "❌"
    WAITS = "⏳"
    PAUSED = "⏸️"
    DONE = "✅"

    @property
    def badness(self) -> int:
        """Return its place in a table that begins with the worst."""
        return list(Mark).index(self)


@dataclass(frozen=True, slots=True)
class Row:
    """An object, what it does, and since when; `message` is all that is known of a failure."""

    mark: Mark
    ref: ObjectRef
    state: str
    since: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Runs:
    """A container that an image is for, of which object, in which environments, and how that is."""

    image: str
    ref: ObjectRef
    container: str
    environments: str
    mark: Mark
    state: str


@dataclass(frozen=True, slots=True)
class Coming:
    """What happens by itself: to which object, what, and at which time, or after how many seconds."""

    ref: ObjectRef
    what: str
    at: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Undone:
    """A rollback that was merged: of which environment, its pull request's number, and its address.

    A rejection is of no environment.
    """

    environment: str
    number: int
    address: str


@dataclass(frozen=True, slots=True)
class Content:
    """A commit on a cluster. `left_out` rows are not among the rows; of `total` Kustomizations, and sources
    that lack the commit, so many are `done`.

    `drift` are rows of what was changed by hand, `stopped` the locks and holds in spite of which somebody
    merged it, `orders` what a person can order, `missing` the permissions
    that the App lacks, each with what needs it. `undone` are the rollbacks that took it back, `images` where
    those run that it brought.
    """

    cluster: str
    sha: str
    outcome: Outcome
    rows: tuple[Row, ...] = ()
    left_out: int = 0
    total: int = 0
    done: int = 0
    coming: tuple[Coming, ...] = ()
    drift: tuple[Row, ...] = ()
    stopped: tuple[Lock | Hold, ...] = ()
    orders: tuple[str, ...] = ()
    undone: tuple[Undone, ...] = ()
    missing: tuple[tuple[str, str], ...] = ()
    images: tuple[Runs, ...] = ()
