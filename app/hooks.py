# SPDX-License-Identifier: Apache-2.0
"""Webhooks for Receivers: what comes to /hook/ goes to a worker, sealed, and its answer is ours.

The front door knows neither Receivers nor Secrets. It sees that a path and a body have their size, that some
Receiver has the path, and that not too many are on their way; all else a worker does, which takes
milliseconds. So a sender gets the answers that Flux gives. The path is a secret: it is in no log, no message
and not in Redis.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import traceback
from collections import deque

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import Response, request
from werkzeug.exceptions import BadRequest

from app.metrics import DELIVERIES, SECONDS
from app.queue import QueueDown, TaskQueue
from policies.receivers import paths
from policies.receivers.delivery import HEADERS, KEPT, LARGEST_BODY, Delivery

log = logging.getLogger(__name__)
# Of the listener's threads: GitHub's deliveries must find one, whoever sends here and how much.
AT_ONCE = 6
PATIENCE = 5.0  # seconds; most senders wait for ten
MOST_LEFT = 20  # deliveries that lie in Redis after that, as while no worker runs: each may be large
_RETRY_AFTER = 10  # seconds
_OUTCOMES = {200: "taken", 400: "refused", 404: "unknown", 500: "failed", 503: "not ready"}


class Hooks:
    """Takes webhooks for all threads of the front door."""

    def __init__(self, queue: TaskQueue) -> None:
        self._queue = queue
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._left: deque[float] = deque()  # when each was left there

    def deliver(self, digest: str) -> Response:
        """Answer one webhook as its Receiver does; 202 when a worker takes its time."""
        with SECONDS.time():
            try:
                code, outcome = self._decide(digest)
            except Exception as error:  # Flask would log it with the path
                trace = "".join(traceback.format_tb(error.__traceback__))
                log.error("a webhook failed by a fault of ours: %s\n%s", type(error).__name__, trace)
                code, outcome = 500, "failed"
        DELIVERIES.labels("receiver", outcome).inc()
        response = Response(status=code)
        if code == 503:
            response.headers["Retry-After"] = str(_RETRY_AFTER)
        return response

    def _decide(self, digest: str) -> tuple[int, str]:
        if not paths.well_formed(digest):
            return 404, "unknown"
        try:
            # Before the body is read, which is the slow part of whoever tries paths.
            if self._queue.knows_hook(paths.known_as(digest)) is False:
                return 404, "unknown"
            body = _body()
            if isinstance(body, int):
                return body, "too large" if body == 413 else "cut"
            if self._full() or not self._places.acquire(blocking=False):
                return 503, "too many"
            try:
                return self._ask(digest, body)
            finally:
                self._places.release()
        except QueueDown as error:
            log.warning("webhook not queued: %s", error)
            return 503, "queue down"

    def _ask(self, digest: str, body: bytes) -> tuple[int, str]:
        sent = Delivery(body, {name: request.headers[name] for name in HEADERS if name in request.headers})
        nonce, start = os.urandom(16).hex(), os.urandom(12)
        made = paths.seal(digest, nonce)
        sealed = start + AESGCM(made.key).encrypt(start, sent.pack(), None)
        code = self._queue.ask_hook(sealed, name=made.name, nonce=nonce, patience=PATIENCE)
        if not code:
            self._left.append(time.monotonic())
            return 202, "queued"
        return code, _OUTCOMES.get(code, "failed")

    def _full(self) -> bool:
        while self._left and time.monotonic() - self._left[0] > KEPT:
            self._left.popleft()
        return len(self._left) >= MOST_LEFT


def _body() -> bytes | int:
    """Read the body; a status code when it is too large or ends early."""
    length = request.content_length
    if (length or 0) > LARGEST_BODY:
        return 413
    # One more than allowed, since werkzeug cuts a body of unknown length there without a word.
    request.max_content_length = LARGEST_BODY + 1
    try:
        body = request.get_data(cache=False)
    except (BadRequest, OSError):
        return 400
    if len(body) > LARGEST_BODY:
        return 413
    return 400 if length is not None and len(body) < length else body
