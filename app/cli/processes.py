# SPDX-License-Identifier: Apache-2.0
"""The three kinds of process: `web`, `worker` and `watch`."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from policies.settings import Settings

_THREADS = 16


def _settings(role: str) -> Settings:
    return Settings.from_env(os.environ, lambda path: Path(path).read_text(), role=role)


def _log(role: str) -> None:
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {role} %(levelname)s %(name)s %(message)s")
    logging.getLogger("celery.worker.strategy").setLevel(logging.WARNING)
    logging.getLogger("celery.app.trace").setLevel(logging.WARNING)


@click.command()
def web() -> None:
    """Serve the public and the internal listener."""
    _log("web")
    settings = _settings("web")
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            options = {
                "bind": [settings.public_listen, settings.internal_listen],
                "worker_class": "gthread",
                "workers": 1,
                "threads": _THREADS,
                "timeout": 60,
                "graceful_timeout": 5,
                "keepalive": 15,
                "proc_name": "fairway-web",
                "control_socket_disable": True,
            }
            for name, value in options.items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)

        def load(self) -> Callable[..., Iterable[bytes]]:
            return _both(settings)

    Server().run()


def _both(settings: Settings) -> Callable[..., Iterable[bytes]]:
    """Return one WSGI application that knows by the port it was reached on which listener it is.

    One process for both keeps their counters together; what divides them is the address they listen on.
    """
    from app import create_app, create_internal_app

    public, internal = create_app(settings), create_internal_app(settings)
    internal_port = settings.internal_listen.rpartition(":")[2]

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        # gunicorn takes SERVER_PORT from the socket, not from what the client sent.
        chosen = internal if environ["SERVER_PORT"] == internal_port else public
        return chosen(environ, start_response)

    return application


@click.command()
def worker() -> None:
    """Run tasks: reconcile, report."""
    _log("worker")
    settings = _settings("worker")
    from celery.signals import worker_ready

    from workers.celery_app import celery_init

    app = celery_init(settings.redis_url)
    app.set_default()
    worker_ready.connect(_on_ready, weak=False)
    app.worker_main(
        [
            "worker",
            "--loglevel=INFO",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            "--pool=threads",
        ]
    )


def _on_ready(**_: Any) -> None:
    from workers import alive, process

    context = process.context()
    stopped = threading.Event()

    def breathe() -> None:
        process.warm()
        while True:
            try:
                alive.breathe(context.redis, "worker")
            except Exception as error:  # a sign of life must not end the worker
                logging.getLogger(__name__).warning("no sign of life: %s", error)
            stopped.wait(alive.TTL / 3)

    threading.Thread(target=breathe, name="alive", daemon=True).start()


@click.command()
def watch() -> None:
    """Watch the cluster and keep the time; one of several leads."""
    _log("watch")
    from workers.watch.main import main

    main()
