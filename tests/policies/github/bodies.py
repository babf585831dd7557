# SPDX-License-Identifier: Apache-2.0
"""What GitHub sends about acme/fleet, as far as we read it."""

from __future__ import annotations

from typing import Any

Body = dict[str, Any]

HEAD, BASE, MERGED = "a" * 40, "b" * 40, "c" * 40
ALICE = {"id": 11, "login": "alice", "type": "User"}
BOT = {"id": 12, "login": "fairway[bot]", "type": "Bot"}
PLACE: Body = {
    "repository": {"id": 7, "name": "fleet", "private": True, "owner": {"login": "acme"}},
    "installation": {"id": 3},
    "sender": ALICE,
}


def pull_request(action: str = "opened", **changes: Any) -> Body:
    """Return the event pull_request."""
    return {
        **PLACE,
        "action": action,
        "pull_request": {
            "number": 41,
            "user": ALICE,
            "head": {"ref": "feature/x", "sha": HEAD, "repo": {"id": 7}},
            "base": {"ref": "main", "sha": BASE},
            "draft": False,
            "merged": False,
            "merge_commit_sha": None,
            **changes,
        },
    }


def comment(body: str, action: str = "created", *, issue: bool = False, **changes: Any) -> Body:
    """Return the event issue_comment."""
    return {
        **PLACE,
        "action": action,
        "issue": {"number": 41} | ({} if issue else {"pull_request": {"url": "x"}}),
        "comment": {"id": 99, "user": ALICE, "body": body, "performed_via_github_app": None},
        **changes,
    }


def review(body: str | None, action: str = "submitted", **changes: Any) -> Body:
    """Return the event pull_request_review."""
    return {
        **PLACE,
        "action": action,
        "pull_request": {"number": 41},
        "review": {"id": 98, "user": ALICE, "body": body, "state": "approved", "commit_id": HEAD},
        **changes,
    }


def check_run(action: str = "rerequested", **changes: Any) -> Body:
    """Return the event check_run."""
    return {
        **PLACE,
        "action": action,
        "check_run": {
            "id": 97,
            "name": "fairway/prod",
            "head_sha": HEAD,
            "external_id": "x",
            "app": {"id": 5},
        },
        **changes,
    }


def check_suite(action: str = "rerequested") -> Body:
    """Return the event check_suite."""
    suite = {"id": 96, "head_sha": HEAD, "head_branch": "feature/x", "app": {"id": 5}}
    return {**PLACE, "action": action, "check_suite": suite}


def merge_group(action: str = "checks_requested") -> Body:
    """Return the event merge_group."""
    group = {
        "head_sha": HEAD,
        "head_ref": "refs/heads/gh-readonly-queue/main/pr-41-x",
        "base_sha": BASE,
        "base_ref": "refs/heads/main",
    }
    return {**PLACE, "action": action, "merge_group": group}


def repository(action: str, **changes: Any) -> Body:
    """Return the event repository."""
    return {**PLACE, "action": action, "changes": changes}


def installation(action: str = "new_permissions_accepted") -> Body:
    """Return the event installation."""
    return {"action": action, "installation": {"id": 3, "account": {"login": "acme"}}, "sender": ALICE}


EVENTS: dict[str, Body] = {
    "pull_request": pull_request(),
    "issue_comment": comment("/help"),
    "pull_request_review": review("/help"),
    "check_run": check_run("requested_action", requested_action={"identifier": "retry"}),
    "check_suite": check_suite(),
    "merge_group": merge_group(),
    "repository": repository("renamed", repository={"name": {"from": "old"}}),
    "installation": installation(),
}
