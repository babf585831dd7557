# SPDX-License-Identifier: Apache-2.0
"""Follow one kind: list it, watch it, and list again when the watch cannot be gone on with.

Each informer is a thread that only reads the network; what it sees goes through `sink` to the one loop that
decides. A list is passed on as a whole, so that what vanished meanwhile is seen too. A watch that ends or is
cut goes on from the last version it told of, which needs no list and loses nothing.
"""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from policies.objects import Object
from workers.cluster import ApiError, Client, Gone, NotFound, WatchCut
from workers.cluster.discovery import Resource

log = logging.getLogger(__name__)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0  # seconds
_LOOK_EVERY = 2.0  # seconds at most, whether a kind is served again
_AT_ONCE = 1.0  # seconds; a watch that ends sooner and told of nothing is not opened again at once


@dataclass(frozen=True, slots=True)
class Listed:
    """Everything there is of the kind right now."""

    source: Any
    objects: list[Object]


@dataclass(frozen=True, slots=True)
class Changed:
    """One object came, changed, or went (`gone`)."""

    source: Any
    object: Object
    gone: bool


Sink = Callable[[Listed | Changed], None]


class Informer:
    """A running list-and-watch; `source` is handed back with everything it sees."""

    def __init__(
        self,
        client: Client,
        resource: Resource,
        sink: Sink,
        *,
        source: Any,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
    ) -> None:
        self._client = client
        self._resource = resource
        self._sink = sink
        self._source = source
        self._what: dict[str, Any] = {
            "namespace": namespace,
            "labels": labels,
            "fields": fields,
            "metadata_only": metadata_only,
        }
        self._stop = threading.Event()
        self._pause = _FIRST_PAUSE
        self._absent = False
        name = f"watch {resource.plural} {namespace}".strip()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop following; the thread ends with its current read."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                version = self._list()
                while not self._stop.is_set():
                    version = self._watch(version)
            except NotFound as error:
                if not self._moved():
                    self._gone(error)
                self._rest(_LOOK_EVERY)
            except Gone as error:
                log.info("%s listed again: %s", self._resource.plural, error.message)
                self._rest()
            except ApiError as error:
                log.warning("%s not watched, retrying: %s", self._resource.plural, error.message)
                self._rest()
            except Exception:
                # Nobody else would follow this kind: whatever was said, a list tells how things are.
                log.exception("%s listed again", self._resource.plural)
                self._rest()

    def _rest(self, longest: float = _LONGEST_PAUSE) -> None:
        """Leave the API server alone, for longer each time until something is heard of it again."""
        pause = min(self._pause, longest)
        self._stop.wait(pause * random.uniform(0.8, 1.2))  # noqa: S311 (spreads retries, guards nothing)
        self._pause = min(pause * 2, _LONGEST_PAUSE)

    def _moved(self) -> bool:
        """Find the kind where it is served now; tells whether that is elsewhere than before."""
        before, discovery = self._resource, self._client.discovery
        try:
            self._resource = discovery.resource(before.group, before.version, before.kind)
        except ApiError:
            with contextlib.suppress(ApiError):
                self._resource = discovery.preferred(before.group, before.kind)
        return self._resource != before

    def _gone(self, error: NotFound) -> None:
        """Tell once that there is nothing: the kind's definition went, and with it every object."""
        if not self._absent:
            log.info("%s not served: %s", self._resource.plural, error.message)
            self._emit(Listed(self._source, []))
        self._absent = True

    def _list(self) -> str:
        objects, version = self._client.list(self._resource, **self._what)
        self._absent = False
        self._emit(Listed(self._source, [self._named(obj) for obj in objects]))
        return version

    def _watch(self, version: str) -> str:
        """Pass on what happens from a version on; returns the last one that was told of when it ends."""
        opened, since = time.monotonic(), version
        try:
            with self._client.watch(self._resource, resource_version=version, **self._what) as events:
                for event in events:
                    before, version = version, event.object["metadata"]["resourceVersion"]
                    if event.type != "BOOKMARK":
                        self._emit(Changed(self._source, self._named(event.object), event.type == "DELETED"))
                    if _goes_back(before, version):
                        raise Gone(f"version {version} came after {before}, so that others may be missing")
                    self._pause = _FIRST_PAUSE
                    if self._stop.is_set():
                        break
        except WatchCut as error:
            log.info("%s watched on from %s: %s", self._resource.plural, version, error.message)
        if version == since and time.monotonic() - opened < _AT_ONCE:
            self._rest()
        return version

    def _named(self, obj: Object) -> Object:
        """Give metadata the kind of what it is of."""
        if not self._what["metadata_only"]:
            return obj
        group, version = self._resource.group, self._resource.version
        return {**obj, "apiVersion": f"{group}/{version}" if group else version, "kind": self._resource.kind}

    def _emit(self, seen: Listed | Changed) -> None:
        if not self._stop.is_set():
            self._sink(seen)


def _goes_back(before: str, now: str) -> bool:
    """Tell whether a stream told of an older version after a newer one; they need not be numbers."""
    return before.isdigit() and now.isdigit() and int(now) < int(before)
