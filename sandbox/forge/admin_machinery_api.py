# SPDX-License-Identifier: Apache-2.0
"""The sandbox's own surface, continued: what people press on checks, merge queues, limits and faults."""

from __future__ import annotations

import re
from typing import Any

from sandbox.forge import accounts, check_events, checks, mergequeue
from sandbox.forge.accounts import LEVELS, Refused
from sandbox.forge.admin_rights_api import admin, asked, repository
from sandbox.forge.faults import Fault
from sandbox.forge.secondary import Limits
from sandbox.forge.state import forge
from sandbox.forge.store import Row

__all__ = ["admin"]


def _writer(login: str, repository_id: int) -> Row:
    """Return somebody who may write to a repository, as those must who press something on a check."""
    account = accounts.ensure_account(forge().store, login)
    repo = accounts.existing_repository(forge().store, repository_id)
    if accounts.access(forge().store, account["id"], repo) < LEVELS["write"]:
        raise Refused(f"{login} may not write to {repo['full_name']}, so there is nothing to press")
    return account


def _run(run_id: int) -> Row:
    found = checks.run(forge().store, run_id)
    if found is None:
        raise Refused(f"there is no check run {run_id}")
    return found


@admin.post("/check-runs/<int:run_id>/rerequest")
def rerequest_run(run_id: int) -> dict[str, Any]:
    """Want a check run again, as somebody."""
    row = _run(run_id)
    sender = _writer(asked()["login"], row["repository_id"])
    check_events.run_wanted(row, sender=sender)
    checks.rerequest(forge().store, row["suite_id"])
    return {}


@admin.post("/check-runs/<int:run_id>/press")
def press(run_id: int) -> dict[str, Any]:
    """Press one of a check run's buttons, as somebody."""
    row, body = _run(run_id), asked()
    sender = _writer(body["login"], row["repository_id"])
    offered = [button["identifier"] for button in checks.buttons(row)]
    if body["identifier"] not in offered:
        raise Refused(
            f"check run {run_id} has no button {body['identifier']!r}: {', '.join(offered) or 'none'}"
        )
    check_events.run_wanted(row, sender=sender, action="requested_action", identifier=body["identifier"])
    return {}


@admin.post("/check-suites/<int:suite_id>/rerequest")
def rerequest_suite(suite_id: int) -> dict[str, Any]:
    """Want all checks of an App on a commit again, as somebody."""
    row = forge().store.one("SELECT * FROM check_suites WHERE id = ?", suite_id)
    if row is None:
        raise Refused(f"there is no check suite {suite_id}")
    sender = _writer(asked()["login"], row["repository_id"])
    check_events.suite_wanted("rerequested", row, sender=sender)
    checks.rerequest(forge().store, suite_id)
    return {}


@admin.post("/repositories/<owner>/<name>/merge-queue")
def enqueue(owner: str, name: str) -> dict[str, Any]:
    """Put a commit into a branch's merge queue as the head of a pull request."""
    body, repo = asked(), repository(owner, name)
    sender = accounts.ensure_account(forge().store, body["login"])
    sha = mergequeue.enqueue(
        repo, base=body["base"], number=body["number"], pull_sha=body["sha"], sender=sender
    )
    return {"sha": sha}


@admin.post("/faults")
def add_fault() -> dict[str, Any]:
    """Let the next requests that fit fail."""
    body = asked()
    path = re.compile(body["path"])
    forge().faults.add(Fault(body["method"], path, body["status"], body["times"], body["after"]))
    return {}


@admin.delete("/faults")
def clear_faults() -> dict[str, Any]:
    """Let everything go well again; shows how many faults are left over."""
    return {"left": forge().faults.clear()}


@admin.post("/installations/<int:installation_id>/limits")
def set_limits(installation_id: int) -> dict[str, Any]:
    """Limit what an installation may do, and count it anew."""
    who, limits = f"installation:{installation_id}", dict(asked())
    forge().limits.set(who, limits.pop("requests_per_hour"))
    forge().secondary.set(who, Limits(**limits))
    return {}


@admin.get("/installations/<int:installation_id>/limits")
def get_use(installation_id: int) -> dict[str, Any]:
    """Show the most that an installation did in a minute or an hour, and what was refused."""
    return forge().secondary.most(f"installation:{installation_id}")
