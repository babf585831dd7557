# SPDX-License-Identifier: Apache-2.0
"""Follow a kind for ever: list, watch, and again when the watch is cut or the API server away."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sandbox.kube import ApiError, Kube, Object

log = logging.getLogger(__name__)
_PAUSE = 0.3  # seconds before listing again
_UNINTERESTING = (404, 409)  # gone or changed meanwhile: the watch brings the news


def follow(
    kube: Kube, name: str, path: str, handle: Callable[[str, Object], None], ended: threading.Event
) -> None:
    """Hand every object and change to `handle` until `ended`."""
    while not ended.is_set():
        try:
            for event, obj in kube.follow(path):
                if ended.is_set():
                    return
                _handled(name, handle, event, obj)
        except (ApiError, OSError, ValueError) as error:
            log.info("%s listed again: %s", name, error)
        ended.wait(_PAUSE)


def _handled(name: str, handle: Callable[[str, Object], None], event: str, obj: Object) -> None:
    try:
        handle(event, obj)
    except ApiError as error:
        if error.status not in _UNINTERESTING:
            log.warning("%s %s: %s", name, obj["metadata"]["name"], error)
            if error.status == 0:
                raise
