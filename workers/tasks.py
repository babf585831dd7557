# SPDX-License-Identifier: Apache-2.0
"""The Celery tasks: each takes a key, calls what does the work, and is safe to run twice."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from celery import shared_task

from policies.errors import FairwayError
from policies.receivers import delivery
from workers import event_queue, events, process
from workers.deferred import Deferred
from workers.orders import events as orders
from workers.pushes import announce
from workers.receivers import taking
from workers.workqueue import TASK

log = logging.getLogger(__name__)
Run = Callable[..., None]


def task(name: str) -> Callable[[Run], Run]:
    """Register what a delivery sets off; it is open until it has ended."""

    def register(run: Run) -> Run:
        @wraps(run)
        def ended(call: Any, **arguments: Any) -> None:
            with event_queue.doing(process.context().redis, call.request.id):
                run(**arguments)

        # Celery's own decorator has no types.
        return cast("Run", shared_task(name=name, bind=True)(ended))

    return register


@task("workers.tasks.on_push")
def on_push(**push: Any) -> None:
    """A ref moved on GitHub: queue the sources that follow it. See `app.public` for the arguments."""
    context = process.context()
    try:
        announce(context, push)
    except FairwayError as error:
        log.warning("push put off repository=%s ref=%s: %s", push["repository"], push["ref"], error)
        Deferred(context.redis).put_off(push)


@task("workers.tasks.on_pull_request")
def on_pull_request(**event: Any) -> None:
    """A pull request changed: see to what is said on it. See `app.event_tasks` for the arguments."""
    events.pull_request(process.context(), event)


@task("workers.tasks.on_merge_group")
def on_merge_group(**event: Any) -> None:
    """A merge queue wants its commit checked, or is done with it."""
    events.merge_group(process.context(), event)


@task("workers.tasks.on_check")
def on_check(**event: Any) -> None:
    """A person wants checks of ours again."""
    events.check(process.context(), event)


@task("workers.tasks.on_repository")
def on_repository(**event: Any) -> None:
    """A repository has another name, owner or visibility, or is gone."""
    events.repository(process.context(), event)


@task("workers.tasks.on_installation")
def on_installation(**event: Any) -> None:
    """The App was installed, or may do something else than before."""
    try:
        events.installation(process.context(), event)
    except FairwayError as error:
        log.warning("installation not looked at account=%s: %s", event["account"], error)


@task("workers.tasks.on_comment")
def on_comment(**event: Any) -> None:
    """Somebody wrote a comment, or changed one of ours. See `app.event_tasks` for the arguments."""
    try:
        orders.comment(process.context(), event)
    except FairwayError as error:
        log.warning("comment left repository=%s: %s", event["repository"], error)


@task("workers.tasks.on_review")
def on_review(**event: Any) -> None:
    """Somebody submitted a review."""
    orders.review(process.context(), event)


@task(delivery.TASK)
def on_hook(**event: Any) -> None:
    """A webhook came in for some Receiver. See `app.hooks` for the arguments."""
    taking.take(process.context(), event)


@shared_task(name=TASK)  # type: ignore[untyped-decorator]
def work() -> None:
    """Work on the objects whose turn it is, as long as there are some."""
    process.context().queue.drain(process.work_on)
