# SPDX-License-Identifier: Apache-2.0
"""Webhook deliveries: recorded first, then sent in the background, and sent again on request.

A delivery that was recorded but not sent when the forge stopped is sent when it starts again. As on GitHub
a failed delivery is not retried by itself, redirects are not followed, and order is not promised.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import urllib3

from sandbox.forge.store import Row, Store, now

TIMEOUT = 10.0
_LARGEST_RESPONSE = 256 * 1024
_log = logging.getLogger(__name__)


class Deliveries:
    """Send an App's webhooks and remember how that went."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(16, thread_name_prefix="delivery")
        self._http = urllib3.PoolManager(num_pools=16, maxsize=16, retries=False, timeout=TIMEOUT)

    def resume(self) -> None:
        """Send what an earlier run recorded and did not get to."""
        for row in self._store.all("SELECT id FROM deliveries WHERE phase = 'queued' ORDER BY id"):
            self._pool.submit(self._send, row["id"])

    def close(self) -> None:
        """Stop sending; what was not sent yet goes out at the next start."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._http.clear()

    def record(
        self,
        app: Row,
        event: str,
        payload: dict[str, Any],
        *,
        installation_id: int | None = None,
        repository_id: int | None = None,
        hold: bool = False,
    ) -> int | None:
        """Record a delivery and send it, unless it is held; without a webhook URL there is nothing to do."""
        if not app["webhook_url"]:
            return None
        body = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
        return self._insert(
            guid=str(uuid.uuid4()), app_id=app["id"], phase="held" if hold else "queued", event=event,
            action=payload.get("action"), installation_id=installation_id, repository_id=repository_id,
            redelivery=False, payload=body,
        )  # fmt: skip

    def redeliver(self, delivery: Row) -> int:
        """Send a delivery once more: a new record with the same GUID and body."""
        same = ("guid", "app_id", "event", "action", "installation_id", "repository_id", "payload")
        return self._insert(phase="queued", redelivery=True, **{column: delivery[column] for column in same})

    def release(self, delivery_id: int) -> bool:
        """Send a held delivery; False when it is not held."""
        released = self._store.all(
            "UPDATE deliveries SET phase = 'queued' WHERE id = ? AND phase = 'held' RETURNING id", delivery_id
        )
        if released:
            self._pool.submit(self._send, delivery_id)
        return bool(released)

    def _insert(self, **columns: object) -> int:
        delivery_id = self._store.insert("deliveries", **columns)
        if columns["phase"] == "queued":
            self._pool.submit(self._send, delivery_id)
        return delivery_id

    def _send(self, delivery_id: int) -> None:
        try:
            self._attempt(delivery_id)
        except Exception:
            _log.exception("delivery %s was not recorded", delivery_id)

    def _attempt(self, delivery_id: int) -> None:
        delivery = self._store.row("deliveries", delivery_id)
        app = self._store.row("apps", delivery["app_id"])
        url = app["webhook_url"] or ""
        headers = _headers(app, delivery)
        sent_at, started = now(), time.monotonic()
        outcome = self._post(url, delivery["payload"], headers)
        self._store.write(
            "UPDATE deliveries SET phase = 'done', url = ?, request_headers = ?, delivered_at = ?,"
            " duration = ?, status_code = ?, status = ?, response_headers = ?, response_body = ?"
            " WHERE id = ?",
            url, json.dumps(headers), sent_at, round(time.monotonic() - started, 3), *outcome, delivery_id,
        )  # fmt: skip

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, str, str]:
        try:
            answer = self._http.request(
                "POST", url, body=body, headers=headers, redirect=False, preload_content=False
            )
            content = answer.read(_LARGEST_RESPONSE, decode_content=True)
            answer.drain_conn()
            answer.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            # urllib3 counts a refused connection among the timeouts.
            refused = isinstance(error, urllib3.exceptions.NewConnectionError)
            if isinstance(error, urllib3.exceptions.TimeoutError) and not refused:
                return 504, "timed out", "{}", ""
            return 502, "failed to connect to host", "{}", ""
        status = "OK" if 200 <= answer.status < 300 else f"Invalid HTTP Response: {answer.status}"
        return answer.status, status, json.dumps(dict(answer.headers)), content.decode(errors="replace")


def _headers(app: Row, delivery: Row) -> dict[str, str]:
    headers = {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/5a9dbc0",
        "X-GitHub-Delivery": delivery["guid"],
        "X-GitHub-Event": delivery["event"],
        "X-GitHub-Hook-ID": str(app["hook_id"]),
        "X-GitHub-Hook-Installation-Target-ID": str(app["id"]),
        "X-GitHub-Hook-Installation-Target-Type": "integration",
    }
    return headers | signatures(app["webhook_secret"], delivery["payload"])


def signatures(secret: str | None, body: bytes) -> dict[str, str]:
    """Return the two signature headers of a body; none without a secret."""
    if not secret:
        return {}
    digests = {"X-Hub-Signature": "sha1", "X-Hub-Signature-256": "sha256"}
    return {
        header: f"{name}={hmac.new(secret.encode(), body, getattr(hashlib, name)).hexdigest()}"
        for header, name in digests.items()
    }
