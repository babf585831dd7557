# SPDX-License-Identifier: Apache-2.0
"""What a comment or review sets off: it is queued, to be read again from GitHub."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from policies import fairness
from workers import known_pulls
from workers.context import Context
from workers.orders.said import Heard
from workers.workqueue import Key, Queue

log = logging.getLogger(__name__)


def comment(context: Context, event: Mapping[str, Any]) -> None:
    """Queue a new comment, or the pull request on which somebody changed or deleted one of ours."""
    if event["action"] == "created":
        _hear(
            context,
            Heard(event["repository"], event["number"], "comment", event["comment_id"], event["digest"]),
        )
    elif context.github is not None and event["app_id"] == context.github.identity().id:
        owner, _, name = event["repository"].lower().partition("/")
        if event["action"] == "edited":
            known_pulls.doubt(context.redis, event["repository"], event["number"])
        share = fairness.of_repository(owner, name, owner)
        context.queue.add(Key("PullRequest", owner, f"{name}:{event['number']}"), Queue.PUSH, share)


def review(context: Context, event: Mapping[str, Any]) -> None:
    """Queue a review that was submitted."""
    _hear(context, Heard(event["repository"], event["number"], "review", event["review_id"], event["digest"]))


def _hear(context: Context, heard: Heard) -> None:
    log.info("heard comment=%s", heard.key)
    context.queue.add_all([heard.addition])
