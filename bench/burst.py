# SPDX-License-Identifier: Apache-2.0
"""A burst of 500 events of pull requests: whether something is lost, and whether something is said twice.

What people did while Fairway could not be reached arrives all at once, signed and sent as GitHub does, with
delivery ids of their own; the pushes of the merges are among it. Then every head that is open has to have its
status, and what was merged exactly one comment, which says that it is applied.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import urllib3

from bench import progress
from bench.house import House, running
from bench.registry import figure
from bench.team import Team, ready
from sandbox.forge.admin import App
from workers.cluster import connect

_PULLS, _MERGED = 100, 40
_EVENTS = 500
_SENDERS = 50
_WITHIN = 150.0  # seconds; GitHub's limits on points and comments make it wait
Show = Callable[[str, int, int], None]
_SETTLE = 5.0  # seconds, in which something might be said twice


@dataclass(frozen=True)
class _Seen:
    """What came of the burst."""

    lost: int
    duplicates: int
    seconds: float


@dataclass(frozen=True)
class _Pulls:
    """The numbers of the pull requests by how they end; together all of them."""

    merged: list[int]
    opened: list[int]
    closed: list[int]


@figure("burst.pull_requests.lost", unit="pull requests", target=0.0)
def lost() -> float:
    """Count pull requests without their status or their final comment after 500 events at once."""
    return float(_seen().lost)


@figure("burst.pull_requests.duplicates", unit="comments", target=0.0)
def duplicates() -> float:
    """Count the comments on all pull requests besides the one of each merge."""
    return float(_seen().duplicates)


@figure("burst.pull_requests.seconds", unit="s")
def seconds() -> float:
    """Measure how long it takes until all is said, within GitHub's limits."""
    return _seen().seconds


@cache
def _seen() -> _Seen:
    with running() as house, progress.task("burst") as show:
        client = connect(kubeconfig=house.sandbox.kubeconfig, context="fairway-sandbox")
        team = Team.make(house.forge, client, "burst", environment=False)
        app = house.forge.app("fairway")
        house.forge.install(app, "acme")
        ready(client, [team], lambda _: None)
        door = app.webhook_url or ""
        secret = (house.folder / "fairway" / "webhook-secret").read_text()
        _unreachable(house, app, secret)
        show("pull requests", 0, _PULLS)
        pulls = _live(team)
        events = [(one["event"], json.dumps(one["payload"]).encode()) for one in _events(house, team)]
        house.forge.set_webhook(app, door, secret)
        began = time.monotonic()
        _burst(door, secret, events)
        return _outcome(team, pulls, began, show)


def _unreachable(house: House, app: App, secret: str) -> None:
    # Nobody listens on port 9; each delivery fails at once and keeps its payload.
    house.forge.set_webhook(app, "http://127.0.0.1:9/", secret)


def _live(team: Team) -> _Pulls:
    """Open all, push to each, close and reopen it; then merge some, rename the others or close them."""
    numbers = [team.add(f"one-{index}") for index in range(_PULLS)]
    for index, number in enumerate(numbers):
        team.change(f"one-{index}", "2")
        team.forge.close(team.repo, number)
        team.forge.reopen(team.repo, number)
    pulls = _Pulls(numbers[:_MERGED], numbers[_MERGED::2], numbers[_MERGED + 1 :: 2])
    for number in pulls.merged:
        team.forge.merge(team.repo, number, method="squash")
    for number in pulls.opened:
        team.forge.edit_pull_request(team.repo, number, title=f"Renamed {number}")
    for number in pulls.closed:
        team.forge.close(team.repo, number)
    return pulls


def _events(house: House, team: Team) -> list[dict[str, Any]]:
    """Return what the forge could not deliver: all of pull requests, and pushes to the branch."""
    found = [
        one
        for one in house.forge.deliveries()
        if one["payload"].get("repository", {}).get("name") == team.name
        and (one["event"] == "pull_request" or one["payload"].get("ref") == "refs/heads/main")
    ]
    count = sum(one["event"] == "pull_request" for one in found)
    if count != _EVENTS:
        raise RuntimeError(f"the forge sent {count} events of pull requests, {_EVENTS} were wanted")
    return found


def _burst(door: str, secret: str, events: Iterable[tuple[str, bytes]]) -> None:
    def deliver(event: tuple[str, bytes]) -> None:
        name, body = event
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": name,
            "X-GitHub-Delivery": str(uuid.uuid4()),
            "X-Hub-Signature-256": f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}",
        }
        answer = urllib3.request("POST", door, body=body, headers=headers, timeout=30.0)
        if answer.status != 202:
            raise RuntimeError(f"a delivery was answered with {answer.status}")

    with ThreadPoolExecutor(_SENDERS) as pool:
        list(pool.map(deliver, events))


def _outcome(team: Team, pulls: _Pulls, began: float, show: Show) -> _Seen:
    """Wait until all is said, and count what is not and what is there twice."""
    merged, opened = set(pulls.merged), set(pulls.opened)
    waiting = merged | opened
    while waiting and time.monotonic() - began < _WITHIN:
        said = {number for number in waiting if _is_said(team, number, is_merged=number in merged)}
        waiting -= said
        show("said", len(merged) + len(opened) - len(waiting), len(merged) + len(opened))
        time.sleep(0.5)
    took = time.monotonic() - began
    time.sleep(_SETTLE)
    every = [*pulls.merged, *pulls.opened, *pulls.closed]
    # Of what was not merged nothing has to be said in a comment.
    surplus = [len(team.comments(number)) - (number in merged) for number in every]
    return _Seen(len(waiting), sum(count for count in surplus if count > 0), took)


def _is_said(team: Team, number: int, *, is_merged: bool) -> bool:
    if is_merged:
        return any("applied and healthy" in text for text in team.comments(number))
    head = team.forge.pull_request(team.repo, number)["head"]["sha"]
    return any(status["state"] == "success" for status in team.forge.statuses(team.repo, head))
