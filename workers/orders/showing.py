# SPDX-License-Identifier: Apache-2.0
"""Bring the status comment up to date with an order before the last reaction says that it is done.

Were it only queued, an emptied Redis would leave an order that looks done and shows nowhere.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from policies import fairness
from policies.errors import FairwayError
from workers import known_pulls
from workers.orders.carrying import TRIED_FOR
from workers.orders.desk import Desk
from workers.reconcile.pull_request import PullRequests
from workers.workqueue import Key, Queue

log = logging.getLogger(__name__)
# What shows in the status comment needs no other word.
QUIET = frozenset({"hold", "status", "unhold"})


def shows(desk: Desk) -> bool:
    """Tell whether a comment with orders is answered by the status comment, where that says it all."""
    return desk.said.heard.kind == "comment" and desk.narrowed.shows.comment and desk.followed


def show(desk: Desk, verbs: Iterable[str]) -> None:
    """Show what came of orders that were carried out; raises FairwayError when it is to be tried again."""
    if QUIET & set(verbs) and desk.followed:
        _now(desk)
    # Whoever was at it meanwhile may have written what was true before.
    desk.context.queue.add(_key(desk), Queue.PUSH, fairness.of_repository(*_names(desk), _names(desk)[0]))


def _now(desk: Desk) -> None:
    key, context = _key(desk), desk.context
    if desk.narrowed.shows.comment:
        known_pulls.ask(context.redis, desk.name, desk.number)
    try:
        PullRequests(context).reconcile(key.namespace, key.name)
    except FairwayError as error:
        if error.retryable and context.now() - desk.said.at < TRIED_FOR:
            raise
        log.warning("not shown comment=%s: %s", desk.said.heard.key, error)


def _key(desk: Desk) -> Key:
    owner, name = _names(desk)
    return Key("PullRequest", owner, f"{name}:{desk.number}")


def _names(desk: Desk) -> tuple[str, str]:
    owner, _, name = desk.name.lower().partition("/")
    return owner, name
