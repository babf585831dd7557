# SPDX-License-Identifier: Apache-2.0
"""Sixty teams on one installation: how near they come to GitHub's limits, which are on.

An hour of them has 300 pushes, 60 merges and 60 orders, each repository with ten objects and an environment.
Three minutes of that come at their true rate, unevenly. It begins as after an hour: the bucket in Redis is as
full as what is put off first, deployments, leaves it. So what there would be in an hour is twenty times that.
"""

from __future__ import annotations

import json
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

from bench import progress
from bench.house import House, running
from bench.registry import figure
from bench.team import ENVIRONMENT, PERSON, POLL, Team, ready
from policies import budget
from policies.budget import WINDOWS, Urgency
from policies.surface import pull_request as surface
from sandbox.forge.admin import Forge
from workers.cluster import connect

_TEAMS = 60
_HOUR, _SECONDS = 3600.0, 180.0
_PER_HOUR = {"push": 300, "merge": 60, "order": 60}
_WITHIN = 60.0  # seconds; a later answer counts as that late
_QUIET_WITHIN, _LOOK, _FEW_POINTS = 90.0, 5.0, 30  # seconds, seconds, points within those
_FINAL = {"rocket", "confused"}
_ORDERS = (
    "/help",
    "/status",
    f"/lock {ENVIRONMENT}",
    "/reconcile",
    f"/unlock {ENVIRONMENT}",
    f"/rollback {ENVIRONMENT}",
)
_LIMITS = {"creations_per_minute": 80, "creations_per_hour": 500, "points_per_minute": 900}


@dataclass(frozen=True)
class _Seen:
    """The most that GitHub counted and refused, the statuses of one commit and context, the pushes and merges
    without a final word in the end, and seconds.
    """

    most: dict[str, int]
    created: int
    statuses: int
    unsaid: int
    answers: list[float]


@figure("teams.creations_per_minute", unit="creations", target=80.0)
def creations_per_minute() -> float:
    """Measure the most comments, pull requests, reviews, reactions and deployments within a minute."""
    return float(_seen().most["creations_per_minute"])


@figure("teams.creations_per_hour", unit="creations", target=500.0)
def creations_per_hour() -> float:
    """Measure how many there would be in an hour."""
    return _seen().created * _HOUR / _SECONDS


@figure("teams.points_per_minute", unit="points", target=900.0)
def points_per_minute() -> float:
    """Measure the most points within a minute."""
    return float(_seen().most["points_per_minute"])


@figure("teams.statuses_per_context", unit="statuses", target=1000.0)
def statuses_per_context() -> float:
    """Measure the most statuses that one commit got."""
    return float(_seen().statuses)


@figure("teams.slowest_answer", unit="s", target=10.0)
def slowest_answer() -> float:
    """Measure from an order to its last reaction, the slowest of all."""
    return max(_seen().answers)


@figure("teams.refused", unit="requests", target=0.0)
def refused() -> float:
    """Count what was over one of GitHub's limits."""
    return float(_seen().most["refused"])


@figure("teams.unsaid", unit="pushes and merges", target=0.0)
def unsaid() -> float:
    """Count the pushes without a final status, and the merges without a final comment, in the end."""
    return float(_seen().unsaid)


@cache
def _seen() -> _Seen:
    with running() as house, progress.task("teams") as show:
        client = connect(kubeconfig=house.sandbox.kubeconfig, context="fairway-sandbox")
        names = [f"team-{number:02}" for number in range(_TEAMS)]
        # Before several threads want the same.
        house.forge.create_account("acme", type="Organization")
        house.forge.create_account(PERSON)
        with ThreadPoolExecutor(4) as pool:
            teams = list(pool.map(lambda name: Team.make(house.forge, client, name), names))
        ready(client, teams, lambda count: show("applied", count, _TEAMS))
        plan = sorted(_plan())
        pulls = {
            (what, number): teams[number % _TEAMS].add(f"{what}-{number}")
            for _, what, number in plan
            if what != "push"
        }
        # Only now, so that the beginning of sixty repositories is not told on GitHub.
        installation = house.forge.install(house.forge.app("fairway"), "acme")
        _quiet(house, installation)
        _as_after_an_hour(house, installation)
        house.forge.limit(installation, **_LIMITS)
        return _traffic(house.forge, installation, teams, plan, pulls, show)


def _quiet(house: House, installation: int) -> None:
    """Wait until Fairway has told of every repository once; for that it may ask as much as it likes.

    It may so of the App too, which has to give it a few tokens for each.
    """
    app, deadline = house.forge.app("fairway").id, time.monotonic() + _QUIET_WITHIN
    while time.monotonic() < deadline:
        house.forge.limit(installation)  # which counts anew
        look = time.monotonic() + _LOOK
        while time.monotonic() < look:
            # So often that nothing is put off, to come back when the clock runs.
            for who in (f"installation {installation}", f"app {app}"):
                house.redis.set(_bucket(who), budget.Bucket().dump())
            time.sleep(5 * POLL)
        if house.forge.most(installation)["points_per_minute"] < _FEW_POINTS:
            return
    raise RuntimeError(f"Fairway was still busy after {_QUIET_WITHIN:.0f} s")


def _as_after_an_hour(house: House, installation: int) -> None:
    """Fill the hour's bucket up to where progress, which deployments are, is put off."""
    [window] = (window for window in WINDOWS if window.seconds == _HOUR)
    count, slots = window.may_hold(Urgency.PROGRESS), int(window.seconds / window.slot)
    latest = int(time.time() // window.slot)
    taken = {latest - n: (n + 1) * count // slots - n * count // slots for n in range(slots)}
    house.redis.set(_bucket(f"installation {installation}"), budget.Bucket({window.name: taken}).dump())


def _bucket(who: str) -> str:
    """Return where `workers.github.budget` keeps what an installation or App has taken."""
    return f"fairway:budget:{who}"


def _traffic(
    forge: Forge,
    installation: int,
    teams: list[Team],
    plan: list[tuple[float, str, int]],
    pulls: dict[tuple[str, int], int],
    show: Callable[[str, int, int], None],
) -> _Seen:
    """Let the traffic come, and wait for what is under way; returns what GitHub counted."""
    shas: list[tuple[Team, str]] = []
    merged: list[tuple[Team, int]] = []
    began = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        answers = []
        for done, (at, what, number) in enumerate(plan):
            show("pushes, merges and orders", done, len(plan))
            time.sleep(max(0.0, began + at - time.monotonic()))
            team = teams[number % _TEAMS]
            if what == "push":
                shas.append((team, team.push(f"{done}")))
            elif what == "merge":
                shas.append((team, forge.merge(team.repo, pulls[what, number])))
                merged.append((team, pulls[what, number]))
            else:
                order = _ORDERS[number % len(_ORDERS)]
                answers.append(pool.submit(_answered, team, pulls[what, number], order))
        seconds = [answer.result() for answer in answers]
    time.sleep(max(0.0, began + _SECONDS - time.monotonic()))
    most = forge.most(installation)
    unsaid = _unsaid(forge, shas, merged)
    statuses = max(_statuses(forge, team, sha) for team, sha in shas)
    progress.say(f"{json.dumps(most)}, answers in s: {', '.join(f'{one:.1f}' for one in seconds)}")
    # The hour has seen no more than these minutes: the limits count since they were set.
    return _Seen(most, most["creations_per_hour"], statuses, unsaid, seconds)


def _plan() -> Iterator[tuple[float, str, int]]:
    """Yield what happens: after how many seconds, what, and the how manieth of its kind."""
    for what, an_hour in _PER_HOUR.items():
        every = _HOUR / an_hour
        for number in range(int(_SECONDS / every)):
            # Neither in step nor by chance, so that each run is the same.
            apart = zlib.crc32(f"{what} {number}".encode()) % 1000 / 1000
            yield (number + apart) * every, what, number


def _answered(team: Team, number: int, order: str) -> float:
    """Give an order, and return the seconds until it has its last reaction."""
    began = time.monotonic()
    comment_id = int(team.forge.comment(team.repo, number, order, author=PERSON)["id"])
    while time.monotonic() - began < _WITHIN:
        if team.reactions(comment_id) & _FINAL:
            return time.monotonic() - began
        time.sleep(10 * POLL)
    return _WITHIN


def _unsaid(forge: Forge, shas: list[tuple[Team, str]], merged: list[tuple[Team, int]]) -> int:
    """Wait a while until every push and merge has its final word; return how many have none."""
    deadline = time.monotonic() + _WITHIN
    while True:
        shas = [(team, sha) for team, sha in shas if not _is_final(forge, team, sha)]
        merged = [(team, number) for team, number in merged if not _is_told(team, number)]
        if not (shas or merged) or time.monotonic() > deadline:
            return len(shas) + len(merged)
        time.sleep(1.0)


def _is_final(forge: Forge, team: Team, sha: str) -> bool:
    own = [one for one in forge.statuses(team.repo, sha) if one["context"] == "fairway/demo"]
    return bool(own) and own[-1]["state"] != "pending"


def _is_told(team: Team, number: int) -> bool:
    said = [found.state for text in team.comments(number) if (found := surface.said(text))]
    return len(said) == 1 and said[0] in ("success", "failure")


def _statuses(forge: Forge, team: Team, sha: str) -> int:
    """Return the most statuses of one context that a commit got."""
    counts = Counter(status["context"] for status in forge.statuses(team.repo, sha))
    return max(counts.values(), default=0)
