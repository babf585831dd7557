# SPDX-License-Identifier: Apache-2.0
"""The Celery tasks: each takes a key, calls what does the work, and is safe to run twice."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

from celery import shared_task

from policies.errors import FairwayError
from workers import process
from workers.deferred import Deferred
from workers.pushes import announce
from workers.workqueue import TASK

log = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., None])


def task(name: str) -> Callable[[F], F]:
    """Register a task; Celery's own decorator has no types."""
    return cast("Callable[[F], F]", shared_task(name=name))


@task("workers.tasks.on_push")
def on_push(**push: Any) -> None:
    """A ref moved on GitHub: queue the sources that follow it. See `app.public` for the arguments."""
    context = process.context()
    try:
        announce(context, push)
    except FairwayError as error:
        log.warning("push put off repository=%s ref=%s: %s", push["repository"], push["ref"], error)
        Deferred(context.redis).put_off(push)


@task(TASK)
def work() -> None:
    """Work on the objects whose turn it is, as long as there are some."""
    process.context().queue.drain(process.work_on)
