# SPDX-License-Identifier: Apache-2.0
"""The three kinds of process: `web`, `worker` and `watch`."""

from __future__ import annotations

import importlib
import logging
import os
import threading
import warnings
from pathlib import Path
from typing import Any

import click

from policies.settings import Settings


def _start(role: str) -> Settings:
    """Set up logging and read the settings; raises SettingsError with every problem."""
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {role} %(levelname)s %(name)s %(message)s")
    logging.getLogger("celery.worker.strategy").setLevel(logging.WARNING)
    logging.getLogger("celery.app.trace").setLevel(logging.WARNING)
    settings = Settings.from_env(os.environ, lambda path: Path(path).read_text(), role=role)
    for warning in settings.warnings():
        logging.getLogger(__name__).warning(warning)
    return settings


@click.command()
def web() -> None:
    """Take webhooks; serve health, artifacts and pages."""
    settings = _start("web")
    from app.server import serve

    serve(settings)


@click.command()
def worker() -> None:
    """Reconcile and report."""
    settings = _start("worker")
    from celery.signals import worker_ready, worker_shutting_down

    from workers.celery_app import celery_init
    from workers.github import GitHub

    # Its parts import each other: two tasks that import it at once would each find half of it.
    importlib.import_module("github")
    GitHub.from_settings(settings)  # refuses a key that is none, before a task needs it

    app = celery_init(settings.redis_url)
    app.set_default()
    worker_ready.connect(_on_ready, weak=False)
    worker_shutting_down.connect(_on_shutdown, weak=False)
    # It warns root of pickled messages; ours are JSON only.
    warnings.filterwarnings("ignore", message="You're running the worker with superuser privileges")
    app.worker_main(
        [
            "--quiet",
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
        try:
            process.warm()
        except Exception:  # what cannot be had now is had by the task that needs it, or fails there
            logging.getLogger(__name__).exception("not warmed up")
        while True:
            try:
                alive.breathe(context.redis, "worker")
                context.queue.present()
            except Exception as error:  # a sign of life must not end the worker
                logging.getLogger(__name__).warning("no sign of life: %s", error)
            stopped.wait(alive.TTL / 3)

    threading.Thread(target=breathe, name="alive", daemon=True).start()


def _on_shutdown(**_: Any) -> None:
    from workers import process

    process.context().queue.stop()


@click.command()
def watch() -> None:
    """Watch the cluster and keep the time; one of several leads."""
    _start("watch")
    from workers.watch.main import main

    main()
