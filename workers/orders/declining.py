# SPDX-License-Identifier: Apache-2.0
"""What a pull request that takes something back writes into `.fairway/declined.yaml`, in the same commit.

Of new images it is that they are not wanted; of a pull request that wrote so, that they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from policies import rollback
from policies.budget import Urgency
from policies.clock import rfc3339
from policies.images import declining
from policies.images.declined import NAME, Declined
from policies.images.setters import Image
from workers.github import Change
from workers.orders.desk import Desk
from workers.orders.proposal import Proposal


@dataclass(frozen=True)
class Entries:
    """What is `declined` with it, or `wanted` again, and the change of the file, if it changes."""

    declined: tuple[Declined, ...] = ()
    wanted: tuple[Declined, ...] = ()
    changes: tuple[Change, ...] = ()


def undoes(desk: Desk) -> int | None:
    """Return the pull request that this one, by our App, took back; None where it is another one."""
    undone, pull = rollback.undone(desk.pull.head_ref), desk.pull
    by_us = pull.author.casefold() == desk.github.identity().login.casefold() and not pull.from_fork
    return undone[1] if undone and by_us else None


def concerned(desk: Desk) -> bool:
    """Tell whether taking the pull request back changes the file."""
    return isinstance(desk.proposal, Proposal) or undoes(desk) is not None


def entries(desk: Desk, commit: str, reason: str) -> Entries:
    """Return what becomes of the file, as it is in a commit, when the pull request is taken back.

    Raises NotWritable, and GitHubError.
    """
    if not concerned(desk):
        return Entries()
    before, proposal = _file(desk, commit), desk.proposal
    if isinstance(proposal, Proposal):
        made = tuple(_entry(desk, image, reason) for image in proposal.record.images.values())
        text = before
        for entry in made:
            text = declining.add(text, entry)
        return Entries(declined=made, changes=_changed(before, text))
    number = undoes(desk)
    if before is None or number is None:
        return Entries()
    text, gone = declining.without(before, number)
    return Entries(wanted=gone, changes=_changed(before, text))


def _file(desk: Desk, commit: str) -> bytes | None:
    return desk.github.git_data.read(desk.name, NAME, commit, urgency=Urgency.ANSWER)


def _changed(before: bytes | None, text: bytes | None) -> tuple[Change, ...]:
    return (Change(NAME, content=text),) if text is not None and text != before else ()


def _entry(desk: Desk, image: Image, reason: str) -> Declined:
    # The time is the comment's, so that the commit is the same whoever makes it.
    at = rfc3339(desk.said.at)
    made = partial(declining.entry, image, "version", at=at, pull_request=desk.number, reason=reason)
    try:
        return made(by=desk.said.author)
    except ValueError:
        return made(by="")  # a login of old, of a form that is given to nobody any more
