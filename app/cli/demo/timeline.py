# SPDX-License-Identifier: Apache-2.0
"""What happens after a push, line by line as it happens, with the milliseconds since.

Everything is seen from outside: statuses and deliveries on the forge, objects on the API server. A story
knows which of it must come; when something does not, it fails with what was waited for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from rich.console import Console
from rich.markup import escape

from policies import conditions
from policies.health import status as health
from policies.health.texts import counted, named
from policies.objects import Object, ObjectRef
from sandbox.forge.admin import Forge, Repository
from workers.cluster import Client
from workers.watch.informer import Changed, Informer, Listed

T = TypeVar("T")
_POLL = 0.01  # seconds; the forge is asked, the cluster is watched
_FOLLOWED = (
    ("source.toolkit.fluxcd.io", "v1", "GitRepository"),
    ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization"),
    ("apps", "v1", "Deployment"),
)
IMAGES = (
    ("image.toolkit.fluxcd.io", "v1", "ImageRepository"),
    ("image.toolkit.fluxcd.io", "v1", "ImagePolicy"),
)
_COLOURS = {"success": "green", "failure": "red", "error": "red", "pending": "yellow"}


class StoryFailed(Exception):
    """A step that had to come did not."""


@dataclass(frozen=True)
class Step:
    """One thing seen: `what` names it for a story's expectations, `text` is for people."""

    at: float
    what: str
    text: str


class Timeline:
    """Collect and print steps from now on; `more` kinds are followed besides the usual ones."""

    def __init__(
        self,
        console: Console,
        forge: Forge,
        repository: Repository,
        client: Client,
        *,
        more: Iterable[tuple[str, str, str]] = (),
    ) -> None:
        self._console = console
        self._forge = forge
        self._repository = repository
        self._lock = threading.Condition()
        self._steps: list[Step] = []
        self._seen: dict[str, str] = {}
        self._started = time.monotonic()
        self._quiet = True
        self._listed: set[str] = set()
        self._informers = [
            Informer(client, client.discovery.resource(*kind), self._object, source=kind[2])
            for kind in (*_FOLLOWED, *more)
        ]
        self._until_listed()

    def _until_listed(self) -> None:
        """Wait until everything that is there was seen, so that old news is not told as new."""
        with self._lock:
            if not self._lock.wait_for(lambda: len(self._listed) == len(self._informers), timeout=10):
                raise StoryFailed("the cluster's objects cannot be watched")

    def close(self) -> None:
        for informer in self._informers:
            informer.stop()

    def push(self, send: Callable[[], str], *, author: str, message: str) -> str:
        """Push, and start the clock at the moment the push is out; returns the commit."""
        where = self._repository.full_name
        return self.act(send, lambda sha: f"push {sha[:7]} to {where} by {author}: {message}", "push")

    def act(self, do: Callable[[], T], text: Callable[[T], str], what: str) -> T:
        """Start the clock, do something, and say what came of it."""
        self._steps.clear()
        self._quiet = False
        self._started = time.monotonic()
        done = do()
        self.tell(text(done), what)
        return done

    def until_final(self, sha: str, *, state: str, saying: Iterable[str] = (), within: float = 60.0) -> Step:
        """Follow the commit's statuses to the final one; raises StoryFailed when it is not as it must be."""
        shown = 0
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            statuses = self._forge.statuses(self._repository, sha)
            for one in statuses[shown:]:
                self.status(one)
            shown = len(statuses)
            if statuses and statuses[-1]["state"] != "pending":
                return self._judge(sha, statuses[-1], state, saying)
            time.sleep(_POLL)
        raise StoryFailed(f"commit {sha[:7]} had no final status within {within:.0f} s")

    def expect(self, *whats: str, within: float = 20.0) -> None:
        """Wait until each of these steps was seen since the push."""
        deadline = time.monotonic() + within
        with self._lock:
            while missing := [w for w in whats if w not in {s.what for s in self._steps}]:
                if not self._lock.wait(max(0.0, deadline - time.monotonic())):
                    raise StoryFailed(f"not seen within {within:.0f} s of the status: {', '.join(missing)}")

    def _judge(self, sha: str, status: dict[str, Any], state: str, saying: Iterable[str]) -> Step:
        if status["state"] != state:
            came = f"{status['state']} came: {status['description']}"
            raise StoryFailed(f"commit {sha[:7]}: {state} was to come, {came}")
        for words in saying:
            if words not in status["description"]:
                raise StoryFailed(
                    f"commit {sha[:7]}: the status does not say {words!r}: {status['description']}"
                )
        return Step(time.monotonic() - self._started, "status", status["description"])

    def status(self, one: dict[str, Any]) -> None:
        """Tell of a commit status."""
        colour = _COLOURS.get(one["state"], "white")
        said = escape(f"{one['context']}: {one['description']}")
        self.tell(
            f"[{colour}]status {one['state']:<8}[/{colour}] {said}", f"status {one['state']}", markup=True
        )

    def _object(self, seen: Listed | Changed) -> None:
        for obj in [seen.object] if isinstance(seen, Changed) else seen.objects:
            text = _news(obj)
            ref = ObjectRef.of(obj)
            if text and self._seen.get(ref.id) != text:
                self._seen[ref.id] = text
                if not self._quiet:
                    self.tell(f"{named(ref)} {text}", f"{ref.kind} {text.split()[0]}")
        if isinstance(seen, Listed):
            with self._lock:
                self._listed.add(str(seen.source))
                self._lock.notify_all()

    def tell(self, text: str, what: str, *, markup: bool = False) -> None:
        """Print a line with the time since the clock was started."""
        with self._lock:
            at = time.monotonic() - self._started
            self._steps.append(Step(at, what, text))
            shown = text if markup else escape(text)
            self._console.print(f"   [dim]{_when(at):>8}[/dim]  {shown}", soft_wrap=True)
            self._lock.notify_all()


def _news(obj: Object) -> str:
    """Say what is worth a line about an object; nothing while it is in between."""
    if obj["kind"] == "Deployment":
        found = health(obj)
        return f"healthy ({counted(obj)})" if found.current else ""
    ready = conditions.find(conditions.of(obj), conditions.READY) or {}
    if ready.get("status") == "False":
        return f"not ready: {str(ready.get('message', '')).splitlines()[0][:160]}"
    status = obj.get("status") or {}
    match obj["kind"]:
        case "GitRepository":
            revision = (status.get("artifact") or {}).get("revision", "")
            return f"at {_short(revision)}" if revision else ""
        case "ImageRepository":
            count = (status.get("lastScanResult") or {}).get("tagCount", 0)
            return f"scanned: {count} tags" if count else ""
        case "ImagePolicy":
            tag = (status.get("latestRef") or {}).get("tag", "")
            return f"chooses {tag}" if tag else ""
    applied = status.get("lastAppliedRevision", "")
    if ready.get("status") != "True" or not applied:
        return ""
    entries = (status.get("inventory") or {}).get("entries") or []
    return f"applied {len(entries)} objects of {_short(applied)}"


def _short(revision: str) -> str:
    name, _, checksum = revision.rpartition(":")
    return f"{name}:{checksum[:7]}"


def _when(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"
