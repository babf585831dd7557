# SPDX-License-Identifier: Apache-2.0
"""What events of GitHub set off besides pushes: keys to work on, and what is forgotten."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from policies import fairness
from policies.images.grouping import automation_of
from workers import heads, permissions
from workers.context import Context
from workers.reconcile.sweep import names_of
from workers.reconcile.telling import again, features, repository_file
from workers.workqueue import Key, Queue

log = logging.getLogger(__name__)
# What a change of a pull request means for what is said on it; of the others nothing is said.
_PULLS = frozenset({"opened", "reopened", "synchronize", "closed"})
# What makes room for other images, or has one proposed again or left to people.
_IMAGES = frozenset({"reopened", "synchronize", "closed"})
_MAY_NOW = frozenset({"created", "unsuspend", "new_permissions_accepted", "added"})


def pull_request(context: Context, event: Mapping[str, Any]) -> None:
    """Queue a pull request that was opened, pushed to, aimed elsewhere, merged or closed."""
    if event["action"] in _PULLS or event["old_base"]:
        _queue(context, "PullRequest", event["repository"], str(event["number"]))
    automation = automation_of(event.get("head_ref") or "")
    if automation and event["action"] in _IMAGES:
        owner, _, name = event["repository"].lower().partition("/")
        key = Key("ImageUpdateAutomation", *automation)
        # Whoever may push to the repository may name a branch so: its share is what that costs.
        context.queue.add(key, Queue.PUSH, fairness.of_repository(owner, name, owner))


def merge_group(context: Context, event: Mapping[str, Any]) -> None:
    """Queue the commit of a merge queue that checks are wanted for."""
    if event["action"] == "checks_requested":
        _queue(context, "MergeGroup", event["repository"], event["head_sha"])


def check(context: Context, event: Mapping[str, Any]) -> None:
    """Queue a check, or all of ours on a commit, that a person wants again."""
    if event["action"] != "rerequested":
        return
    what = again.BOTH
    if event["kind"] == "check_run":
        of_file = str(event["external_id"]).startswith(repository_file.PREFIX)
        what = again.FILE if of_file else again.REPORT
    _queue(context, "ChecksAgain", event["repository"], f"{what}:{event['head_sha']}:{event['check_id']}")


def repository(context: Context, event: Mapping[str, Any]) -> None:
    """Forget what was known of a repository by the name that is another's, or nobody's, from now on."""
    owner, _, name = event["repository"].lower().partition("/")
    old = f"{event['old_owner'] or owner}/{event['old_name'] or name}".lower()
    match event["action"]:
        case "renamed" | "transferred" | "deleted":
            for one in {old, f"{owner}/{name}"}:
                _forget(context, one)
        case "privatized" | "publicized":
            heads.set_private(context.redis, f"{owner}/{name}", private=event["action"] == "privatized")
        case _:
            return
    if event["action"] != "deleted":
        _queue(context, "Repository", f"{owner}/{name}", "")


def installation(context: Context, event: Mapping[str, Any]) -> None:
    """Look again at an account's repositories where the App may do more than before."""
    if event["action"] not in _MAY_NOW:
        return
    # Once for the account; what cannot be looked at is noted by whoever meets it.
    lacking = permissions.look(context, f"{event['account']}/", event["installation_id"]) or {}
    for owner, name in names_of(context, event["account"]):
        permissions.note_all_missing(context, f"{owner}/{name}", lacking)
        features.wake(context, f"{owner}/{name}")
        _queue(context, "Repository", f"{owner}/{name}", "")
        _queue(context, "Sweep", f"{owner}/{name}", "")


def _forget(context: Context, repository: str) -> None:
    """Delete every hint that is kept under a name; what was asked of GitHub counts on."""
    client, found = context.redis, 0
    for pattern in (f"fairway:*:{repository}", f"fairway:*:{repository}[:/]*"):
        for key in client.scan_iter(pattern, count=500):
            if not key.startswith(b"fairway:budget:"):
                found += int(client.delete(key))
    log.info("forgotten repository=%s keys=%d", repository, found)


def _queue(context: Context, kind: str, repository: str, rest: str) -> None:
    owner, _, name = repository.lower().partition("/")
    key = Key(kind, owner, f"{name}:{rest}" if rest else name)
    context.queue.add(key, Queue.PUSH, fairness.of_repository(owner, name, owner))
