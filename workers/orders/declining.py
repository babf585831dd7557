# SPDX-License-Identifier: Apache-2.0
"""What a pull request that takes images back writes into `.fairway/declined.yaml`, in the same commit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

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
    """The entries for the images of a pull request, and the change of the file; none where it has them."""

    declined: tuple[Declined, ...] = ()
    changes: tuple[Change, ...] = ()


def entries(desk: Desk, commit: str, reason: str) -> Entries:
    """Write down the images of the pull request in the file as it is in a commit.

    A pull request that is not about images has none. Raises NotWritable, and GitHubError.
    """
    proposal = desk.proposal
    if not isinstance(proposal, Proposal):
        return Entries()
    before = desk.github.git_data.read(desk.name, NAME, commit, urgency=Urgency.ANSWER)
    text, made = before, []
    for image in proposal.record.images.values():
        entry = _entry(desk, image, reason)
        text = declining.add(text, entry)
        made.append(entry)
    changes = (Change(NAME, content=text),) if text is not None and text != before else ()
    return Entries(tuple(made), changes)


def _entry(desk: Desk, image: Image, reason: str) -> Declined:
    # The time is the comment's, so that the commit is the same whoever makes it.
    at = rfc3339(desk.said.at)
    made = partial(declining.entry, image, "version", at=at, pull_request=desk.number, reason=reason)
    try:
        return made(by=desk.said.author)
    except ValueError:
        return made(by="")  # a login of old, of a form that is given to nobody any more
