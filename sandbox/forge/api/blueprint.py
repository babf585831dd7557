# SPDX-License-Identifier: Apache-2.0
"""What every answer of the API has in common: credentials, rate limit, ETag, pages, errors."""

from __future__ import annotations

import hashlib
import time
import uuid
from datetime import UTC, datetime
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, current_app, g, json, jsonify, request
from werkzeug.exceptions import HTTPException

from sandbox.forge import accounts, principals
from sandbox.forge.errors import ApiError, bad_credentials, not_found, unauthenticated
from sandbox.forge.issues import Actor
from sandbox.forge.principals import Principal
from sandbox.forge.state import forge
from sandbox.forge.store import Row

api = Blueprint("api", __name__, url_prefix="/api/v3")

_MOST_PER_PAGE = 100
T = TypeVar("T")


def caller() -> Principal:
    """Return who sent the current request."""
    return cast(Principal, g.principal)


def actor() -> Actor:
    """Return in whose name the current request does something."""
    installed = caller().installation
    return Actor(caller().account(forge().store), installed["app_id"] if installed is not None else None)


def caller_app() -> Row:
    """Return the App whose JWT the request carries, or raise 401."""
    found = caller().app
    if found is None:
        raise unauthenticated() if caller().key is None else bad_credentials()
    return found


def repository(
    owner: str, name: str, *, permission: str = "metadata", level: str = "read", person: str | None = None
) -> Row:
    """Return a repository that the caller may use this way, or raise GitHub's refusal.

    A person needs that level of access, or the one named by `person`.
    """
    found = accounts.repository(forge().store, owner, name)
    if found is None:
        raise not_found()
    caller().require(forge().store, found, permission, level, person=person)
    return found


def body() -> dict[str, Any]:
    """Return the request's JSON object; no body at all is an empty one."""
    if not request.get_data():
        return {}
    try:
        parsed = json.loads(request.get_data())
    except ValueError:
        raise ApiError(400, "Problems parsing JSON") from None
    if not isinstance(parsed, dict):
        raise ApiError(400, "Body should be a JSON object")
    return parsed


def page_bounds() -> tuple[int, int]:
    """Return the page number and its size that the request asks for; nonsense gets the defaults."""
    page = request.args.get("page", 1, type=int)
    size = request.args.get("per_page", 30, type=int)
    return max(1, page), min(max(1, size), _MOST_PER_PAGE)


def paginated(items: list[T]) -> list[T]:
    """Cut out the page asked for and note the `Link` header."""
    page, size = page_bounds()
    last = max(1, -(-len(items) // size))
    around = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
    if page >= last:
        del around["next"], around["last"]
    if page <= 1:
        del around["prev"], around["first"]
    g.link = ", ".join(f'<{_page_address(number)}>; rel="{name}"' for name, number in around.items())
    return items[(page - 1) * size : page * size]


def ordered(rows: list[Row], fields: tuple[str, ...], *, default: str | None = None) -> list[Row]:
    """Sort rows as `sort` and `direction` ask; without either the newest comes first."""
    field = request.args.get("sort") or fields[0]
    if field not in fields:
        raise ApiError(422, f"This forge sorts by {' or '.join(fields)} only, not by {field}.")
    newest_first = default or ("desc" if field == fields[0] else "asc")
    descending = request.args.get("direction", newest_first) == "desc"
    return sorted(rows, key=lambda row: (row[f"{field}_at"], row["id"]), reverse=descending)


def since() -> str:
    """Return the moment that `since` asks for, as the store writes moments; without one, the beginning."""
    given = request.args.get("since")
    try:
        # A plus sign that was not escaped arrives as a space.
        moment = datetime.fromisoformat((given or "1970-01-01T00:00:00Z").replace(" ", "+"))
    except ValueError:
        raise ApiError(422, f"since is not a date: {given}") from None
    known = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return known.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _page_address(page: int) -> str:
    query = urlencode(request.args.to_dict() | {"page": page})
    return forge().site.web(f"{request.path}?{query}")


@api.before_request
def authenticate() -> None:
    """Find out who is asking and whether they have requests left."""
    g.principal = principals.NOBODY
    g.principal = principals.from_header(forge().store, request.headers.get("Authorization"))
    if request.path.endswith("/rate_limit"):
        return
    if not forge().limits.take(caller().key):
        who = "installation ID" if caller().installation else "user ID" if caller().user else "127.0.0.1"
        raise ApiError(403, f"API rate limit exceeded for {who}.")
    forge().secondary.take(caller().key or "", request.method, _path())
    if status := forge().faults.take(request.method, _path(), after=False):
        if status < 500:
            raise ApiError(status, "Refused because a test has ordered that")
        abort(_broken(status))


def _path() -> str:
    return request.path.removeprefix(api.url_prefix or "")


def _broken(status: int) -> Response:
    # What fails in front of the API answers in HTML.
    return Response(f"<html><h1>{status}</h1></html>", status, content_type="text/html")


@api.after_request
def break_off(response: Response) -> Response:
    """Lose the answer to what was carried out, where a test has ordered that."""
    if response.status_code < 400:
        status = forge().faults.take(request.method, _path(), after=True)
        return _broken(status) if status else response
    return response


@api.after_request
def finish(response: Response) -> Response:
    """Add what GitHub adds to every answer, and answer 304 when the caller has this one already."""
    if request.method in ("GET", "HEAD") and response.status_code == 200:
        tag = hashlib.sha256(response.get_data()).hexdigest()
        response.set_etag(tag, weak=True)
        response.headers["Cache-Control"] = "private, max-age=60, s-maxage=60"
        response.headers["Vary"] = "Accept, Authorization, Cookie"
        if request.if_none_match.contains_weak(tag):
            response.status_code = 304
            response.set_data(b"")
            if caller().key:
                forge().limits.give_back(caller().key)
    if link := g.get("link"):
        response.headers["Link"] = link
    window = forge().limits.window(caller().key)
    response.headers.update({f"X-RateLimit-{name.title()}": str(v) for name, v in window.body().items()})
    response.headers["X-RateLimit-Resource"] = "core"
    response.headers["X-GitHub-Request-Id"] = uuid.uuid4().hex.upper()
    response.headers["X-GitHub-Media-Type"] = "github.v3; format=json"
    return response


@api.errorhandler(ApiError)
def refuse(error: ApiError) -> tuple[Response, int, dict[str, str]]:
    """Answer with GitHub's error body."""
    return jsonify(error.body()), error.status, error.headers


@api.errorhandler(Exception)
def fail(error: Exception) -> Any:
    """Answer what went wrong in here with GitHub's 500, and log it."""
    if isinstance(error, HTTPException):
        return error.response or refuse(not_found())
    current_app.logger.exception("%s %s failed", request.method, request.path)
    return refuse(ApiError(500, "Server Error"))


@api.route("/<path:rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def nowhere(rest: str) -> Response:
    """Answer 404 to what GitHub has and this forge does not, as to what nobody has."""
    raise not_found()


@api.get("/rate_limit")
def rate_limit() -> dict[str, Any]:
    """Show the caller's budget; asking is free."""
    core = forge().limits.window(caller().key).body()
    unused = {"limit": 30, "used": 0, "remaining": 30, "reset": int(time.time()) + 60}
    return {"resources": {"core": core, "search": unused}, "rate": core}
