# SPDX-License-Identifier: Apache-2.0
"""What Apps hear of checks: `check_run` and `check_suite`.

What starts work goes to the App that owns it, also when it did not subscribe; what an App says of its own
work goes to everybody who did.
"""

from __future__ import annotations

import json

from sandbox.forge import accounts, checks
from sandbox.forge.git import ZERO, RefChange
from sandbox.forge.shapes import Json
from sandbox.forge.state import forge
from sandbox.forge.store import Row


def run_changed(action: str, row: Row, *, sender: Row) -> None:
    """Tell everybody who subscribed that a run was `created` or `completed`."""
    body = {"action": action, "check_run": checks.run_event(forge().site, forge().store, row)}
    forge().events.tell(row["repository_id"], "check_run", body, sender=sender, needs=["checks"])


def run_wanted(row: Row, *, sender: Row, action: str = "rerequested", identifier: str = "") -> None:
    """Tell a run's App that somebody wants it again, or pressed one of its buttons."""
    body: Json = {"action": action, "check_run": checks.run_event(forge().site, forge().store, row)}
    if action == "requested_action":
        body["requested_action"] = {"identifier": identifier}
    forge().events.tell(
        row["repository_id"], "check_run", body, sender=sender, needs=["checks"], app_id=row["app_id"]
    )


def suite_wanted(action: str, row: Row, *, sender: Row, hold: bool = False) -> list[int]:
    """Tell a suite's App that its checks are `requested` or `rerequested`."""
    state = forge()
    shown = checks.suite_event(state.site, state.store, state.repositories, row)
    return state.events.tell(
        row["repository_id"], "check_suite", {"action": action, "check_suite": shown}, sender=sender,
        needs=["checks"], app_id=row["app_id"], hold=hold,
    )  # fmt: skip


def pushed(repo: Row, moved: list[RefChange], *, pusher: Row, hold: bool = False) -> list[int]:
    """Make the suites of every branch's new head, and ask the Apps that may write checks for them."""
    store, sent = forge().store, []
    for change in moved:
        if change.after == ZERO or not change.ref.startswith("refs/heads/"):
            continue
        before = None if change.before == ZERO else change.before
        for installed in accounts.installations(store, account_id=repo["owner_id"]):
            if json.loads(installed["permissions"]).get("checks") != "write":
                continue
            if accounts.covers(store, installed, repo["id"]):
                row, new = checks.suite(
                    store, repo["id"], installed["app_id"], change.after,
                    branch=change.ref.removeprefix("refs/heads/"), before=before,
                )  # fmt: skip
                sent += suite_wanted("requested", row, sender=pusher, hold=hold) if new else []
    return sent
