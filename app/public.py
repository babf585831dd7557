# SPDX-License-Identifier: Apache-2.0
"""The public listener. It verifies, queues and answers; it touches no cluster and no repository."""

from __future__ import annotations

import json
import logging
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app.metrics import DELIVERIES, SECONDS
from app.queue import QueueDown, TaskQueue
from policies.github import signature
from policies.github.events import Event, Installation, MalformedEvent, Ping, Push, parse
from policies.settings import Settings

log = logging.getLogger(__name__)
LARGEST_BODY = 25 * 1024 * 1024  # bytes; GitHub sends no more
_RETRY_AFTER = "10"  # seconds
_KNOWN = frozenset({"push", "ping", "installation", "installation_repositories"})


def create_public_app(settings: Settings) -> Flask:
    """Return the application; raises SettingsError without a webhook secret."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    hooks = _Hooks(settings, TaskQueue(settings.redis_url))
    app.add_url_rule("/webhooks/github", "github", hooks.github, methods=["POST"])
    app.register_error_handler(HTTPException, _plain)
    return app


class _Hooks:
    def __init__(self, settings: Settings, queue: TaskQueue) -> None:
        self._settings = settings
        self._queue = queue

    @SECONDS.time()
    def github(self) -> tuple[Response, int] | tuple[Response, int, dict[str, str]]:
        """Take one delivery of GitHub's: 202 when it is queued or does not concern us."""
        name = request.headers.get("X-GitHub-Event", "")
        label = name if name in _KNOWN else "other"
        try:
            body = request.get_data(cache=False)
        except RequestEntityTooLarge:
            return _answer(413, label, "too large", f"a delivery has at most {LARGEST_BODY} bytes")
        if not self._signed(body):
            return _answer(
                401, label, "unsigned", "X-Hub-Signature-256 does not sign this body with our secret"
            )
        delivery = request.headers.get("X-GitHub-Delivery", "")
        if not delivery or len(delivery) > 64 or not delivery.replace("-", "").isalnum():
            return _answer(400, label, "malformed", "X-GitHub-Delivery is missing or malformed")
        try:
            event = parse(name, json.loads(body))
        except (ValueError, RecursionError):
            return _answer(400, label, "malformed", "the body is not JSON")
        except MalformedEvent as error:
            return _answer(400, label, "malformed", str(error))
        return self._take(event, delivery, label)

    def _take(
        self, event: Event | None, delivery: str, label: str
    ) -> tuple[Response, int] | tuple[Response, int, dict[str, str]]:
        found = self._task(event)
        if found is None:
            return _answer(202, label, "ignored", "nothing to do", delivery=delivery)
        task, arguments = found
        try:
            if self._queue.seen(delivery):
                return _answer(202, label, "duplicate", "taken before", delivery=delivery)
            self._queue.send(task, delivery, **arguments)
        except QueueDown:
            log.warning("delivery not queued delivery=%s: Redis cannot be reached", delivery)
            response, code = _answer(503, label, "queue down", "Redis cannot be reached; deliver again later")
            return response, code, {"Retry-After": _RETRY_AFTER}
        log.info("queued delivery=%s task=%s", delivery, task)
        return _answer(202, label, "queued", "queued", delivery=delivery)

    def _signed(self, body: bytes) -> bool:
        header = request.headers.get("X-Hub-Signature-256", "")
        return signature.verify(self._settings.webhook_secret.reveal(), body, header)

    def _task(self, event: Event | None) -> tuple[str, dict[str, Any]] | None:
        match event:
            case Push(repository=repository) if self._settings.allows_account(repository.owner):
                return "workers.tasks.on_push", {
                    "installation_id": event.installation_id,
                    "repository_id": repository.id,
                    "repository": repository.full_name,
                    "private": repository.private,
                    "ref": event.ref,
                    "before": event.before,
                    "after": event.after,
                }
            case Push(repository=repository):
                log.info("ignored push account=%s: not one of FAIRWAY_GITHUB_ACCOUNTS", repository.owner)
                return None
            case Ping() | Installation() | None:
                return None


def _answer(code: int, event: str, outcome: str, message: str, **extra: str) -> tuple[Response, int]:
    DELIVERIES.labels(event, outcome).inc()
    return jsonify({"outcome": outcome, "message": message, **extra}), code


def _plain(error: HTTPException) -> tuple[Response, int]:
    return jsonify({"message": error.name}), error.code or 500
