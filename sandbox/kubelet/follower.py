# SPDX-License-Identifier: Apache-2.0
"""Follow a kind for ever: list, watch, and list again when the watch was cut or is too old."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from sandbox.kube import ApiError, Kube, Object

log = logging.getLogger(__name__)
_PAUSE = 0.2  # seconds before asking again
_LONGEST = 5.0
_SETTLED = (404, 409)  # gone or changed meanwhile: the watch brings the news
_WORTH_RETRYING = (0, 429)


class Handler(Protocol):
    """What is done about the objects of one kind."""

    def listed(self, objects: Sequence[Object]) -> None:
        """Take all objects there are; what is not among them is gone."""

    def changed(self, event: str, obj: Object) -> None:
        """Take one change: ADDED, MODIFIED or DELETED."""


def follow(kube: Kube, path: str, handler: Handler, ended: threading.Event) -> None:
    """Hand everything that happens to a kind to `handler` until `ended`."""
    version = ""
    while not ended.is_set():
        began = time.monotonic()
        try:
            if not version:
                objects, version = kube.listed(path)
                handler.listed(objects)
            for event, obj in kube.watch(path, version):
                version = obj["metadata"]["resourceVersion"]
                if event != "BOOKMARK":
                    handler.changed(event, obj)
        except (ApiError, ValueError) as error:
            log.info("%s is listed again: %s", path, error)
            version = ""
        # A server that is going down ends watches as soon as they begin.
        if not version or time.monotonic() - began < 1:
            ended.wait(_PAUSE)


def attempt(what: str, act: Callable[[], object], ended: threading.Event) -> bool:
    """Do something until the API server answers; False when it refuses, or `ended` comes first."""
    pause = _PAUSE
    while not ended.is_set():
        try:
            act()
            return True
        except ApiError as error:
            if error.status in _SETTLED:
                return False
            if error.status not in _WORTH_RETRYING and error.status < 500:
                log.warning("%s was refused: %s", what, error)
                return False
            log.info("%s is tried again: %s", what, error)
        ended.wait(pause)
        pause = min(pause * 2, _LONGEST)
    return False
