# SPDX-License-Identifier: Apache-2.0
"""An App's webhook: where it goes, what was sent, send it again."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from flask import g, request

from sandbox.forge.api.blueprint import api, body, caller_app, page_bounds
from sandbox.forge.errors import ApiError, invalid, not_found
from sandbox.forge.state import forge
from sandbox.forge.store import Row, now


@api.get("/app/hook/config")
def get_config() -> dict[str, Any]:
    """Show where the webhook goes; the secret stays hidden."""
    return _config(caller_app())


def _config(app: Row) -> dict[str, Any]:
    config = {"content_type": app["content_type"], "insecure_ssl": app["insecure_ssl"]}
    config |= {"url": app["webhook_url"]} if app["webhook_url"] else {}
    return config | ({"secret": "********"} if app["webhook_secret"] else {})


@api.patch("/app/hook/config")
def update_config() -> dict[str, Any]:
    """Change where the webhook goes or what signs it."""
    app, asked = caller_app(), body()
    if asked.get("content_type", "json") != "json":
        raise invalid("Hook", "content_type", "this forge sends only json")
    columns = {"url": "webhook_url", "secret": "webhook_secret", "insecure_ssl": "insecure_ssl"}
    for name, column in columns.items():
        if name in asked:
            value = None if asked[name] is None else str(asked[name])
            sql = f"UPDATE apps SET {column} = ?, updated_at = ? WHERE id = ?"  # noqa: S608 - column is ours
            forge().store.write(sql, value, now(), app["id"])
    return _config(forge().store.row("apps", app["id"]))


@api.get("/app/hook/deliveries")
def list_deliveries() -> list[dict[str, Any]]:
    """List what was sent, newest first; pages by cursor, as GitHub does here."""
    app = caller_app()
    _, size = page_bounds()
    cursor, status = request.args.get("cursor"), request.args.get("status", "")
    if cursor is not None and not cursor.isdigit():
        raise ApiError(400, "Invalid cursor")
    if status not in ("", "success", "failure"):
        raise invalid("Hook", "status", "status is none of success, failure")
    rows = forge().store.all(
        "SELECT * FROM deliveries WHERE app_id = ? AND phase = 'done' AND (? IS NULL OR id <= ?)"
        " AND (? != 'failure' OR status != 'OK') AND (? != 'success' OR status = 'OK')"
        " ORDER BY id DESC LIMIT ?",
        app["id"], cursor, cursor, status, status, size + 1,
    )  # fmt: skip
    if len(rows) > size:
        asked = {"per_page": size, "cursor": rows[size]["id"]} | ({"status": status} if status else {})
        address = forge().site.api(f"/app/hook/deliveries?{urlencode(asked)}")
        g.link = f'<{address}>; rel="next"'
    return [item(row) for row in rows[:size]]


def item(row: Row) -> dict[str, Any]:
    """Return a delivery as the list shows it."""
    plain = ("id", "guid", "delivered_at", "duration", "status", "status_code", "event", "action")
    answer = {name: row[name] for name in (*plain, "installation_id", "repository_id")}
    return answer | {"redelivery": bool(row["redelivery"]), "throttled_at": None}


def _delivery(delivery_id: int) -> Row:
    row = forge().store.one(
        "SELECT * FROM deliveries WHERE id = ? AND app_id = ? AND phase = 'done'",
        delivery_id,
        caller_app()["id"],
    )
    if row is None:
        raise not_found()
    return row


@api.get("/app/hook/deliveries/<int:delivery_id>")
def get_delivery(delivery_id: int) -> dict[str, Any]:
    """Show one delivery with its request and response."""
    row = _delivery(delivery_id)
    request_body = {"headers": json.loads(row["request_headers"]), "payload": json.loads(row["payload"])}
    response = {"headers": json.loads(row["response_headers"]), "payload": row["response_body"]}
    return item(row) | {"url": row["url"], "request": request_body, "response": response}


@api.post("/app/hook/deliveries/<int:delivery_id>/attempts")
def redeliver(delivery_id: int) -> tuple[dict[str, Any], int]:
    """Send a delivery again, under the same GUID."""
    app, row = caller_app(), _delivery(delivery_id)
    if not app["webhook_url"]:
        raise ApiError(422, "Validation Failed", errors=[{"resource": "Hook", "code": "missing"}])
    forge().deliveries.redeliver(row)
    return {}, 202
