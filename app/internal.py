# SPDX-License-Identifier: Apache-2.0
"""The internal listener: health, metrics, artifacts, and the pages that statuses link to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, render_template, send_from_directory
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.queue import TaskQueue
from policies.settings import Settings


def create(settings: Settings) -> Flask:
    """Return the application."""
    app = Flask(__name__, static_folder=None)
    queue = TaskQueue(settings.redis_url)
    data = Path(settings.data_dir).resolve()

    @app.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @app.get("/readyz")
    def readyz() -> Response:
        if queue.ping():
            return Response("ok\n", mimetype="text/plain")
        return Response("Redis cannot be reached\n", status=503, mimetype="text/plain")

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)

    @app.get("/gitrepository/<namespace>/<name>/<file>")
    def artifact(namespace: str, name: str, file: str) -> Response:
        if not file.endswith(".tar.gz"):
            abort(404)
        return send_from_directory(
            data / "gitrepository",
            f"{namespace}/{name}/{file}",
            mimetype="application/gzip",
            conditional=True,
        )

    @app.get("/<owner>/<name>/commit/<sha>")
    def commit(owner: str, name: str, sha: str) -> str:
        return render_template("commit.html", **_view(queue, owner, name, sha))

    @app.after_request
    def harden(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return app


def _view(queue: TaskQueue, owner: str, name: str, sha: str) -> dict[str, Any]:
    """Return what the page may show: of a private repository nothing, not even whether it is known."""
    stored = queue.view(f"fairway:view:commit:{owner}/{name}/{sha}".lower())
    view = json.loads(stored) if stored else None
    if view is None or view.get("private", True):
        return {"view": None, "repository": f"{owner}/{name}", "sha": sha}
    return {"view": view, "repository": view["repository"], "sha": view["sha"]}
