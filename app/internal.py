# SPDX-License-Identifier: Apache-2.0
"""The internal listener: health, metrics, artifacts, and the pages that statuses link to."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask, Response, abort, make_response, render_template, send_from_directory
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from werkzeug.exceptions import HTTPException

from app.pages import read
from app.queue import QueueDown, TaskQueue
from policies.settings import Settings

# One folder a source, one file a commit; nothing else below the data folder is anybody's to read.
_OBJECT_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_ARTIFACT = re.compile(r"[0-9a-f]{40,64}\.tar\.gz")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def create(settings: Settings) -> Flask:
    """Return the application."""
    app = Flask(__name__, static_folder=None)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    queue = TaskQueue(settings.redis_url)
    _health(app, queue)
    _artifacts(app, Path(settings.data_dir))
    _pages(app, queue)

    @app.after_request
    def harden(response: Response) -> Response:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @app.errorhandler(HTTPException)
    def plain(error: HTTPException) -> Response:
        response = make_response(error.get_response())
        response.data = f"{error.name}\n"
        response.mimetype = "text/plain"
        return response

    return app


def _health(app: Flask, queue: TaskQueue) -> None:
    @app.get("/healthz")
    def healthz() -> Response:
        """Answer while the process can; what it depends on is not asked, or a restart would be its cure."""
        return _text("ok\n")

    @app.get("/readyz")
    def readyz() -> Response:
        """Answer 200 when deliveries can be taken, which needs Redis but neither worker nor watch."""
        return _text("ok\n") if queue.reachable() else _text("Redis cannot be reached\n", 503)

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _artifacts(app: Flask, data: Path) -> None:
    @app.get("/gitrepository/<namespace>/<name>/<file>")
    def artifact(namespace: str, name: str, file: str) -> Response:
        """Serve a source's artifact, also in parts and to HEAD, as source-controller does."""
        if not (
            _OBJECT_NAME.fullmatch(namespace) and _OBJECT_NAME.fullmatch(name) and _ARTIFACT.fullmatch(file)
        ):
            abort(404)
        return send_from_directory(
            data / "gitrepository" / namespace / name, file, mimetype="application/gzip", conditional=True
        )


def _pages(app: Flask, queue: TaskQueue) -> None:
    @app.get("/<owner>/<name>/commit/<sha>")
    def commit(owner: str, name: str, sha: str) -> Response:
        """Show what a commit became. Of a private repository nothing, not even that it is known here."""
        page = read(queue, owner, name, sha)
        if page is None:
            abort(404)
        response = make_response(render_template("commit.html", page=page))
        response.headers["Cache-Control"] = "no-store"
        return response

    @app.errorhandler(QueueDown)
    def down(_: QueueDown) -> Response:
        return _text("Redis cannot be reached: reload this page in a moment\n", 503)


def _text(text: str, code: int = 200) -> Response:
    return Response(text, status=code, mimetype="text/plain")
