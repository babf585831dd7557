# SPDX-License-Identifier: Apache-2.0
"""How fast a person is answered: from a comment in a pull request to our reaction, and to our answer."""

from __future__ import annotations

import math
import statistics
import time
from dataclasses import dataclass, field
from functools import cache

from bench import progress
from bench.house import House, running
from bench.registry import figure
from bench.team import PERSON, POLL, Team, ready
from workers.cluster import connect

_ORDERS = 20
_PAUSE = 3.0  # seconds; each order creates three things, and GitHub takes 80 a minute
_WITHIN = 30.0  # seconds


@dataclass
class _Times:
    """Seconds of each order."""

    reaction: list[float] = field(default_factory=list)
    answer: list[float] = field(default_factory=list)


@figure("order.reaction.worst", unit="s", target=1.0)
def reaction() -> float:
    """Measure from a comment to the first reaction to it, the worst of 20 orders."""
    return max(_times().reaction)


@figure("order.reaction.median", unit="s")
def usual_reaction() -> float:
    return statistics.median(_times().reaction)


@figure("order.answer.worst", unit="s", target=2.0)
def answer() -> float:
    """Measure from a comment with /help to the reply, the worst of 20."""
    return max(_times().answer)


@figure("order.answer.median", unit="s")
def usual_answer() -> float:
    return statistics.median(_times().answer)


@cache
def _times() -> _Times:
    times = _Times()
    with running() as house, progress.task("orders") as show:
        team = _team(house)
        number = team.add("order")
        for done in range(_ORDERS):
            show("orders", done, _ORDERS)
            began = time.monotonic()
            reaction, answer = _ordered(team, number)
            times.reaction.append(reaction)
            times.answer.append(answer)
            time.sleep(max(0.0, began + _PAUSE - time.monotonic()))
    return times


def _team(house: House) -> Team:
    client = connect(kubeconfig=house.sandbox.kubeconfig, context="fairway-sandbox")
    team = Team.make(house.forge, client, "orders")
    house.forge.install(house.forge.app("fairway"), "acme")
    ready(client, [team], lambda _: None)
    return team


def _ordered(team: Team, number: int) -> tuple[float, float]:
    """Write /help; returns the seconds until the first reaction and until the reply."""
    before, began = len(team.comments(number)), time.monotonic()
    comment_id = int(team.forge.comment(team.repo, number, "/help", author=PERSON)["id"])
    reacted = answered = math.inf
    while math.isinf(reacted) or math.isinf(answered):
        if time.monotonic() - began > _WITHIN:
            raise RuntimeError(f"/help was not answered within {_WITHIN:.0f} s")
        if math.isinf(reacted) and team.reactions(comment_id):
            reacted = time.monotonic() - began
        if len(team.comments(number)) > before:
            answered = min(answered, time.monotonic() - began)
        time.sleep(POLL)
    return reacted, answered
