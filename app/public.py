# SPDX-License-Identifier: Apache-2.0
"""The public listener. It verifies, queues and answers; it touches no cluster and no repository.

Whatever is not `POST /webhooks/github`, or `POST /hook/...` of a Receiver (`app.hooks`), is answered with its
status code and nothing else.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

import orjson
from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import BadRequest, HTTPException

from app.event_tasks import TAKEN, Nothing, Task, account_of, task_of
from app.hooks import Hooks
from app.metrics import DELIVERIES, SECONDS
from app.queue import QueueDown, TaskQueue
from policies.errors import SettingsError
from policies.github import events, signature
from policies.receivers.paths import PREFIX
from policies.settings import Settings
from policies.task_messages import Scalar

log = logging.getLogger(__name__)
LARGEST_BODY = 25 * 1024 * 1024  # bytes; GitHub sends no more
_RETRY_AFTER = 10  # seconds
_LOGGED = ("repository", "account", "ref", "after", "number", "action", "comment_id", "review_id", "head_sha")
_DELIVERY = re.compile(r"[0-9A-Za-z-]{1,64}")


@dataclass(frozen=True, slots=True)
class _Answer:
    """How a delivery ended: for GitHub, whose page of deliveries shows it, and for the counter."""

    code: int
    outcome: str
    message: str


def create_public_app(settings: Settings, taken: Set[str] = TAKEN) -> Flask:
    """Return the application; raises SettingsError without a webhook secret.

    `taken` names the tasks that a worker has; events for others are acknowledged and left.
    """
    if not settings.webhook_secret:
        raise SettingsError(
            "there is no webhook secret: unsigned webhooks are never accepted",
            remedy="write the App's webhook secret into a file and name it in FAIRWAY_WEBHOOK_SECRET_FILE",
        )
    app = Flask(__name__, static_folder=None)
    # One more than allowed, since werkzeug cuts a body of unknown length there without a word.
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY + 1
    queue = TaskQueue(settings.redis_url)
    hook = _GitHub(settings, queue, taken)
    app.add_url_rule(
        "/webhooks/github", "github", hook.deliver, methods=["POST"], provide_automatic_options=False
    )
    app.add_url_rule(
        f"{PREFIX}<digest>", "hook", Hooks(queue).deliver, methods=["POST"], provide_automatic_options=False
    )
    app.register_error_handler(HTTPException, _bare)
    return app


class _GitHub:
    """Takes deliveries of one App's webhook."""

    def __init__(self, settings: Settings, queue: TaskQueue, taken: Set[str]) -> None:
        self._settings = settings
        self._queue = queue
        self._taken = taken

    def deliver(self) -> Response:
        """Take one delivery: 202 when it is queued or does not concern us."""
        name = request.headers.get("X-GitHub-Event", "")
        delivery = request.headers.get("X-GitHub-Delivery", "")
        with SECONDS.time():
            answer = self._decide(name, delivery)
        DELIVERIES.labels(name if name in events.KNOWN else "other", answer.outcome).inc()
        body: dict[str, Any] = {"outcome": answer.outcome, "message": answer.message}
        if answer.code == 202:
            body |= {"delivery": delivery, "queued": answer.outcome == "queued"}
        response = jsonify(body)
        response.status_code = answer.code
        if answer.code == 503:
            response.headers["Retry-After"] = str(_RETRY_AFTER)
        return response

    def _decide(self, name: str, delivery: str) -> _Answer:
        body = self._signed_body()
        if isinstance(body, _Answer):
            return body
        if not _DELIVERY.fullmatch(delivery):
            return _Answer(400, "malformed", "X-GitHub-Delivery is missing or no delivery's id")
        try:
            event = events.parse(name, orjson.loads(body))
        except orjson.JSONDecodeError:
            return _Answer(
                400, "malformed", "the body is not JSON: set the webhook's content type to application/json"
            )
        except events.MalformedEvent as error:
            log.warning("refused delivery=%s event=%s: %s", delivery, name, error)
            return _Answer(400, "malformed", str(error))
        return self._take(event, delivery)

    def _signed_body(self) -> bytes | _Answer:
        """Read the body if it can be a delivery's, and only return it when our secret signs it."""
        length = request.content_length
        if (length or 0) > LARGEST_BODY:
            return _too_large()
        header = request.headers.get("X-Hub-Signature-256", "")
        if not signature.well_formed(header):
            return _Answer(401, "unsigned", "X-Hub-Signature-256 is missing or malformed")
        try:
            body = request.get_data(cache=False)
        except (BadRequest, OSError):
            body = b""
        if len(body) > LARGEST_BODY:
            return _too_large()
        if length is not None and len(body) < length:
            return _Answer(400, "cut", "the body ended early or took too long")
        if not signature.verify(self._settings.webhook_secret.reveal(), body, header):
            return _Answer(401, "unsigned", "X-Hub-Signature-256 does not sign this body with our secret")
        return body

    def _take(self, event: events.Event | None, delivery: str) -> _Answer:
        account = account_of(event)
        if account is not None and not self._settings.allows_account(account):
            log.info("ignored delivery=%s account=%s: not one of FAIRWAY_GITHUB_ACCOUNTS", delivery, account)
            return _Answer(202, "ignored", "this account is not one of FAIRWAY_GITHUB_ACCOUNTS")
        task = task_of(event)
        if isinstance(task, Task) and task.name not in self._taken:
            task = Nothing("no worker takes this event")
        if isinstance(task, Nothing):
            log.info("ignored delivery=%s event=%s: %s", delivery, type(event).__name__, task.why)
            return _Answer(202, "ignored", task.why)
        try:
            new = self._queue.put(task.name, delivery, **task.arguments)
        except QueueDown as error:
            log.warning("not queued delivery=%s: %s", delivery, error)
            return _Answer(503, "queue down", "Redis cannot be reached: deliver again later")
        if not new:
            log.info("ignored delivery=%s: taken before", delivery)
            return _Answer(202, "duplicate", "this delivery was taken before")
        log.info("queued delivery=%s task=%s %s", delivery, task.name, _shown(task.arguments))
        return _Answer(202, "queued", "queued")


def _shown(arguments: Mapping[str, Scalar]) -> str:
    text = " ".join(f"{name}={arguments[name]}" for name in _LOGGED if name in arguments)
    # A ref may hold whatever moves a terminal's cursor or turns its text around.
    return text.encode("ascii", "backslashreplace").decode()


def _too_large() -> _Answer:
    return _Answer(413, "too large", f"a delivery has at most {LARGEST_BODY} bytes")


def _bare(error: HTTPException) -> Response:
    response = Response(status=error.code or 500)
    if allowed := getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response
