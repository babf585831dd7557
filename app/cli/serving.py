# SPDX-License-Identifier: Apache-2.0
"""One running Fairway: Redis, web, worker and watch under a supervisor, and what is said of them."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import click
import redis

from app.cli.identity import Identity
from app.cli.output import Output
from app.cli.redis import EmbeddedRedis
from app.cli.state import State
from app.cli.supervisor import Role, Supervisor
from policies.settings import Settings
from workers import alive

ROLES = ("web", "worker", "watch")
_LOOK_EVERY = 0.1  # seconds, until everything is ready
_LOOK_AGAIN_EVERY = 1.0


def fairway(module: str, *arguments: str) -> list[str]:
    """Return the command for a module of ours, whatever lies in the folder where somebody stands."""
    return [sys.executable, "-P", "-m", module, *arguments]


class Serving:
    """Runs everything from one folder; `screen` shows the log to a person."""

    def __init__(self, state: State, environment: Mapping[str, str], *, screen: TextIO | None) -> None:
        self._state = state
        self._redis: EmbeddedRedis | None = None
        self._output = Output(state.logs, screen)
        environment = dict(environment)
        if not environment.get("FAIRWAY_REDIS_URL"):
            self._redis = EmbeddedRedis(state.folder / "redis")
            environment["FAIRWAY_REDIS_URL"] = self._redis.url
        self._settings = Settings.from_env(environment, lambda path: Path(path).read_text())
        self._supervisor = Supervisor(self._roles(), environment, self._output)
        self._said = False

    def run(self, *, as_json: bool) -> None:
        """Serve until SIGTERM or SIGINT, from the main thread; raises StartFailed and AlreadyRunning."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self._supervisor.ended.set())
        with self._state.held():
            looker = threading.Thread(target=self._look, args=(as_json,), name="look", daemon=True)
            looker.start()
            try:
                self._supervisor.run()
            finally:
                looker.join(5)
                self._state.forget()
                self._output.say("stopped")
                self._output.close()

    def _roles(self) -> list[Role]:
        # What takes work in ends first, then what finishes it, last what holds it.
        turns = {"web": 1, "watch": 1, "worker": 2}
        commands = {name: fairway("app.cli", name) for name in turns}
        if self._redis is None:
            return [Role(name, commands[name], turn) for name, turn in turns.items()]
        roles = [Role(name, commands[name], turn, self._redis.answers) for name, turn in turns.items()]
        return [Role("redis", self._redis.command(), 3), *roles]

    def _look(self, as_json: bool) -> None:
        """Write down who runs as it changes, and say once that everything is ready."""
        ended, ready = self._supervisor.ended, self._supervisor.ready
        written: dict[str, Any] = {}
        while not ended.wait(_LOOK_AGAIN_EVERY if ready.is_set() else _LOOK_EVERY):
            if not ready.is_set() and self._all_ready():
                ready.set()
            state = self._described()
            if state != written:
                written = state
                self._state.write(state)
            if ready.is_set() and not self._said:
                self._said = True
                click.echo(json.dumps(state) if as_json else summary(state))

    def _described(self) -> dict[str, Any]:
        pids = self._supervisor.pids()
        return {
            "web": {
                "url": f"http://{self._settings.public_listen}",
                "internal_url": f"http://{self._settings.internal_listen}",
                "pid": pids.get("web"),
            },
            "worker": {"pid": pids.get("worker")},
            "watch": {"pid": pids.get("watch")},
            **({"redis": {"pid": pids.get("redis")}} if self._redis else {}),
            "supervisor": {"pid": os.getpid(), "started": Identity.current().started},
            "logs": str(self._state.logs),
            "ready": self._supervisor.ready.is_set(),
        }

    def _all_ready(self) -> bool:
        pids = self._supervisor.pids()
        if any(role not in pids for role in ROLES):
            return False
        try:
            with urllib.request.urlopen(f"http://{self._settings.internal_listen}/readyz", timeout=2):
                pass
            with redis.Redis.from_url(self._settings.redis_url, socket_timeout=2) as client:
                return all(client.exists(alive.key(role, pids[role])) for role in ("worker", "watch"))
        except (urllib.error.URLError, OSError, redis.RedisError):
            return False


def summary(state: Mapping[str, Any]) -> str:
    """Say where everything is, for a person."""
    return "\n".join(
        f"{what:<10}{where}"
        for what, where in (
            ("webhooks", f"{state['web']['url']}/webhooks/github"),
            ("pages", state["web"]["internal_url"]),
            ("logs", state["logs"]),
        )
    )
