# SPDX-License-Identifier: Apache-2.0
"""Follow one kind: list it, watch it, and list again when the watch is lost.

Each informer is a thread that only reads the network; what it sees goes through `sink` to the one loop that
decides. A relist is passed on as a whole, so that what vanished meanwhile is seen too.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from policies.objects import Object
from workers.cluster import ApiError, Client, Gone, NoMatch, NotFound
from workers.cluster.discovery import Resource

log = logging.getLogger(__name__)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0


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
        name = f"watch {resource.plural} {namespace}".strip()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop following; the thread ends with its current read."""
        self._stop.set()

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stop.is_set():
            try:
                self._list_and_watch()
                pause = _FIRST_PAUSE
            except (Gone, NoMatch, NotFound) as error:
                log.info("%s listed again: %s", self._resource.plural, error.message)
                self._stop.wait(_FIRST_PAUSE)
            except ApiError as error:
                log.warning(
                    "%s not watched, retrying in %.1fs: %s", self._resource.plural, pause, error.message
                )
                self._stop.wait(pause * random.uniform(0.8, 1.2))  # noqa: S311 (spreads retries, guards nothing)
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _list_and_watch(self) -> None:
        objects, version = self._client.list(self._resource, **self._what)
        self._emit(Listed(self._source, objects))
        while not self._stop.is_set():
            with self._client.watch(self._resource, resource_version=version, **self._what) as events:
                for event in events:
                    version = event.object["metadata"]["resourceVersion"]
                    if self._stop.is_set():
                        return
                    if event.type != "BOOKMARK":
                        self._emit(Changed(self._source, event.object, event.type == "DELETED"))

    def _emit(self, seen: Listed | Changed) -> None:
        if not self._stop.is_set():
            self._sink(seen)
