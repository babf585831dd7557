# SPDX-License-Identifier: Apache-2.0
"""Answer one comment or review: 👀 at once, its orders in their order, one reply, and 🚀 or 😕 at the end.

The last reaction is what says that it is done; a review takes none, so there it is the reply. Until then
everything may be done again: the reply is one by its marker, and each order finds what it did before.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace

from policies.budget import Urgency
from policies.errors import FairwayError
from policies.orders.grammar import Mistake, Reading, Written, read
from policies.orders.registry import find
from policies.orders.whose import ours
from policies.surface import mistakes, orders
from workers.configuration import narrowed_of
from workers.context import Context
from workers.github import Forbidden, GitHub, NotFound, PermissionMissing, RateLimited, Reaction
from workers.later import Later
from workers.orders.carrying import carry_out
from workers.orders.desk import Desk
from workers.orders.outcome import Outcome, StillGoing
from workers.orders.said import COUNTS_FOR, Heard, Said, read_again
from workers.orders.showing import QUIET, show, shows
from workers.orders.specs import written_of
from workers.permissions import note_missing

log = logging.getLogger(__name__)
_FINAL = frozenset({Reaction.ROCKET, Reaction.CONFUSED})
_NOW = Urgency.ANSWER
_ROOM = 60_000  # GitHub takes 65,536 characters
_SILENT = "fairway:silent:"  # what cannot be answered, by its key


class Comments:
    """Answers what people write."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def reconcile(self, owner: str, rest: str) -> None:
        """Read a comment again and do what it says; raises FairwayError when it is to be tried again."""
        heard, later = Heard.of(owner, rest), Later(self._context.redis)
        github = self._context.github
        if github is None or not self._context.settings.allows_account(owner):
            log.info("left alone comment=%s: its account is not served here", heard.key)
            return
        try:
            self._hear(github, heard)
        except RateLimited:
            raise
        except FairwayError as error:
            self._put_off(heard, error, later)
            raise
        later.succeeded(heard.key)

    def _put_off(self, heard: Heard, error: FairwayError, later: Later) -> None:
        if isinstance(error, PermissionMissing):
            # Once it is granted, the next sweep finds what waits.
            note_missing(self._context, heard.repository, error, "answers to orders")
        elif error.retryable:
            later.again(heard.key, self._context.now())
        else:
            self._context.redis.set(f"{_SILENT}{heard.key}", str(error), ex=COUNTS_FOR)

    def _hear(self, github: GitHub, heard: Heard) -> None:
        narrowed = narrowed_of(self._context, heard.repository, urgency=_NOW)
        if not narrowed.tenant.bound:
            log.info("left alone comment=%s: %s", heard.key, narrowed.tenant.reason)
            return
        said = read_again(github, heard)
        if said is None or not said.by_a_person:
            log.info("left alone comment=%s: it is gone, or a bot's", heard.key)
            return
        reading = read(said.body)
        mine = ours(reading, narrowed)
        edited_away = not (said.unchanged or reading.speaks_to_us) and (narrowed.home or begun(github, said))
        if not mine.speaks_to_us and not edited_away:
            return
        if finished(self._context, github, said):
            return
        if said.expired(self._context.now()) and not begun(github, said):
            log.info("left alone comment=%s: it is old, and nobody began to answer it", heard.key)
            return
        try:
            self._answer(github, said, mine)
        except StillGoing as news:
            pause = news.pause(self._context.now() - said.at)
            log.info("looked at again comment=%s in=%s: %s", heard.key, pause, news)
            Later(self._context.redis).put(heard.key, self._context.now() + pause)
        except NotFound:
            if read_again(github, heard) is not None:
                raise

    def _answer(self, github: GitHub, said: Said, mine: Reading) -> None:
        heard = said.heard
        if heard.kind == "comment" and not begun(github, said):
            github.reactions.add(heard.repository, heard.id, Reaction.EYES, urgency=_NOW)
        # What was just read to see whose it is may be half a minute old.
        narrowed = narrowed_of(self._context, heard.repository, fresh=True, urgency=_NOW)
        desk = Desk(self._context, github, said, narrowed)
        outcomes = self._outcomes(desk, mine)
        if shown := [verb for verb, outcome in outcomes if outcome.done and (verb in QUIET or _acts(verb))]:
            show(desk, shown)
        replied = self._reply(desk, outcomes)
        done = all(outcome.done and (replied or _acts(verb)) for verb, outcome in outcomes)
        if heard.kind == "review":
            self._context.redis.set(_answered_key(heard), "1", ex=2 * COUNTS_FOR)
        else:
            final = Reaction.ROCKET if done else Reaction.CONFUSED
            github.reactions.replace(heard.repository, heard.id, final, urgency=_NOW)
        log.info("answered comment=%s done=%s", heard.key, done)

    def _outcomes(self, desk: Desk, mine: Reading) -> list[tuple[str, Outcome]]:
        """Carry out what was ordered; of a text that may not be as it was, what was taken from it before."""
        said = desk.said
        taken = [] if said.unchanged else _taken(desk)
        left = replace(mine, orders=tuple(order for order in mine.orders if not _is_among(order, taken)))
        found = [_one(desk, order) for order in taken]
        if said.unchanged or said.late:
            answer = _late if said.late else _one
            found += [answer(desk, order) for order in left.orders]
            found += [("", Outcome(False, text)) for text in _remarks(left)]
        elif left.orders or not found:
            text = left.orders[0].text if left.orders else ""
            found.append(("", Outcome(False, orders.edited(text))))
        return found

    def _reply(self, desk: Desk, outcomes: list[tuple[str, Outcome]]) -> bool:
        """Say what is to be said; False where a comment takes no reply, but perhaps a reaction."""
        heard = desk.said.heard
        texts = [
            outcome.text for verb, outcome in outcomes if not (outcome.done and verb in QUIET and shows(desk))
        ]
        if not texts:
            return True
        name, body = marker_of(self._context, heard), _fitting(dict.fromkeys(texts))
        ensure, since = desk.github.comments.ensure, desk.said.at
        try:
            ensure(heard.repository, heard.number, name, body, urgency=_NOW, since=since)
        except Forbidden as error:
            if isinstance(error, PermissionMissing) or heard.kind == "review":
                raise
            log.warning("no reply comment=%s: %s", heard.key, error)
            return False
        return True


def _fitting(texts: Iterable[str]) -> str:
    """Join texts as far as GitHub takes them; the rest is left out, and that is said."""
    kept, room = [], _ROOM
    for text in texts:
        room -= len(text) + 2
        kept.append(text if room >= 0 else orders.too_long())
        if room < 0:
            break
    return "\n\n".join(kept)


def _acts(verb: str) -> bool:
    command = find(verb)
    return command is not None and command.acts


def _one(desk: Desk, order: Written | Mistake) -> tuple[str, Outcome]:
    if isinstance(order, Mistake):
        return "", Outcome(False, mistakes.mistake(order))
    return order.command.name, carry_out(desk, order)


def _late(desk: Desk, order: Written | Mistake) -> tuple[str, Outcome]:
    """Answer what stands in a review that may have been edited; nothing that acts is taken from it."""
    if isinstance(order, Written) and order.command.acts:
        return "", Outcome(False, orders.read_late(order.text))
    return _one(desk, order)


def _remarks(mine: Reading) -> Iterator[str]:
    """Yield what is to be said besides of a comment that is as it was."""
    if mine.near_miss:
        yield mistakes.near_miss(mine.near_miss)
    if mine.left_out:
        yield mistakes.left_out(mine.left_out)


def _taken(desk: Desk) -> list[Written]:
    """Return what was ordered in the comment and has a record, whatever the comment says now."""
    heard = desk.said.heard
    records = desk.records.of_comment(desk.repository.id, heard.kind, heard.id)
    return [order for record in records if (order := written_of(record))]


def _is_among(order: Written | Mistake, taken: Iterable[Written]) -> bool:
    return isinstance(order, Written) and any(
        (one.command, dict(one.arguments)) == (order.command, dict(order.arguments)) for one in taken
    )


def begun(github: GitHub, said: Said) -> bool:
    """Tell whether somebody was shown that it would be answered."""
    if said.heard.kind == "review":
        return bool(said.heard.digest)
    heard, eyes = said.heard, Reaction.EYES
    return str(eyes) in said.reacted and eyes in github.reactions.ours(
        heard.repository, heard.id, urgency=_NOW
    )


def finished(context: Context, github: GitHub, said: Said) -> bool:
    """Tell whether it was answered to the end."""
    heard = said.heard
    if heard.kind == "review":
        # Whoever deletes the reply wants no other.
        if was_answered(context, heard):
            return True
        name = marker_of(context, heard)
        found = github.comments.named(heard.repository, heard.number, name, since=said.at, urgency=_NOW)
        return found is not None
    # Nobody's reaction at all is told with the comment itself.
    if not said.reacted & {str(reaction) for reaction in _FINAL}:
        return False
    given = github.reactions.ours(heard.repository, heard.id, urgency=_NOW)
    last = next((reaction for reaction in given if reaction in _FINAL), None)
    if last and len(given) > 1:
        # Whoever gave it died before it took the others back.
        github.reactions.replace(heard.repository, heard.id, last, urgency=_NOW)
    return last is not None


def silent(context: Context, heard: Heard) -> bool:
    """Tell whether it cannot be answered, as where the conversation is locked."""
    return bool(context.redis.exists(f"{_SILENT}{heard.key}"))


def was_answered(context: Context, review: Heard) -> bool:
    """Tell whether a review got its reply, even if somebody deleted that since."""
    return bool(context.redis.exists(_answered_key(review)))


def _answered_key(heard: Heard) -> str:
    return f"fairway:answered-review:{heard.repository.lower()}:{heard.id}"


def marker_of(context: Context, heard: Heard) -> str:
    """Name the one reply to a comment or review."""
    return f"answer/{context.settings.cluster}/{heard.kind}-{heard.id}"
