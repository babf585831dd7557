# SPDX-License-Identifier: Apache-2.0
"""Put the forge together and serve it: one process, a thread per connection, loopback only."""

from __future__ import annotations

import fcntl
from pathlib import Path

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from sandbox.forge import git
from sandbox.forge.admin_machinery_api import admin
from sandbox.forge.api import api
from sandbox.forge.deliveries import Deliveries
from sandbox.forge.events import Events
from sandbox.forge.faults import Faults
from sandbox.forge.pull_pages import pages
from sandbox.forge.ratelimits import RateLimits
from sandbox.forge.secondary import Limits, SecondaryLimits
from sandbox.forge.shapes import Site
from sandbox.forge.smarthttp import smart
from sandbox.forge.state import State
from sandbox.forge.store import Store

# An Enterprise Cloud organisation's budget for one installation.
HOURLY_LIMIT = 15_000
# GitHub's own secondary limits, which a forge holds to when it is told so.
GITHUB_LIMITS = Limits(creations_per_minute=80, creations_per_hour=500, points_per_minute=900)
UNLIMITED = Limits()


class _Handler(WSGIRequestHandler):
    # Chunked answers need it: a clone's size is not known before it is sent.
    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Stay silent: the forge's standard error is for what goes wrong."""


def create_app(
    directory: Path, site: Site, *, hourly_limit: int = HOURLY_LIMIT, secondary: Limits = UNLIMITED
) -> Flask:
    """Build the forge's application on what lies in a directory."""
    app = Flask(__name__)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    store = Store(directory / "forge.sqlite3")
    repositories = git.Repositories(directory / "repositories")
    for fork in store.all("SELECT * FROM forks ORDER BY repository_id"):
        repositories.join(fork["repository_id"], fork["parent_id"])
    deliveries = Deliveries(store)
    events = Events(site, store, repositories, deliveries)
    app.extensions["forge"] = State(
        site, store, repositories, events, deliveries, RateLimits(hourly_limit), SecondaryLimits(secondary),
        Faults(),
    )  # fmt: skip
    for blueprint in (api, admin, smart, pages):
        app.register_blueprint(blueprint)
    return app


class ForgeServer:
    """A forge that listens on a loopback port; port 0 picks a free one."""

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 0,
        hourly_limit: int = HOURLY_LIMIT,
        secondary: Limits = UNLIMITED,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = (directory / "lock").open("w")
        # Two forges on one directory would each believe that pushes take turns.
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._server = _bind(port)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._app = create_app(directory, Site(self.url), hourly_limit=hourly_limit, secondary=secondary)
        self._server.app = self._app

    def serve(self) -> None:
        """Answer requests until `stop`."""
        state: State = self._app.extensions["forge"]
        state.deliveries.resume()
        try:
            self._server.serve_forever()
        finally:
            state.deliveries.close()
            self._server.server_close()
            self._lock.close()

    def stop(self) -> None:
        """End `serve`, from another thread."""
        self._server.shutdown()


def _bind(port: int) -> BaseWSGIServer:
    return make_server("127.0.0.1", port, Flask("unbound"), threaded=True, request_handler=_Handler)
