# SPDX-License-Identifier: Apache-2.0
"""What a branch asks for before something is merged into it, by classic protection and by rulesets."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sandbox.forge import checks, commits
from sandbox.forge.accounts import LEVELS
from sandbox.forge.shapes import Json, Site
from sandbox.forge.store import Row, Store


@dataclass(frozen=True)
class Asked:
    """What one branch is protected by; `checks` are contexts, each with the App that must say it or None."""

    checks: dict[str, int | None] = field(default_factory=dict)
    strict: bool = False
    approvals: int = 0
    code_owners: bool = False
    dismiss_stale: bool = False
    enforce_admins: bool = False
    merge_queue: bool = False


def protect(store: Store, repository_id: int, branch: str, source: str, asked: Asked | None) -> None:
    """Protect a branch by `protection` or `ruleset`; None ends it."""
    where = "repository_id = ? AND branch = ? AND source = ?"
    store.write(f"DELETE FROM branch_protections WHERE {where}", repository_id, branch, source)  # noqa: S608
    if asked is not None:
        store.insert(
            "branch_protections", repository_id=repository_id, branch=branch, source=source,
            **{**vars(asked), "checks": json.dumps(asked.checks)},
        )  # fmt: skip


def of_branch(store: Store, repository_id: int, branch: str) -> list[Row]:
    """List what protects a branch: at most one row of each source."""
    return store.all(
        "SELECT * FROM branch_protections WHERE repository_id = ? AND branch = ? ORDER BY source",
        repository_id,
        branch,
    )


def required_checks(rows: list[Row]) -> dict[str, int | None]:
    """Return the contexts that any of the rows requires, with the App each must come from."""
    found: dict[str, int | None] = {}
    for row in rows:
        found |= json.loads(row["checks"])
    return found


def state_of_check(store: Store, repo: Row, sha: str, context: str, app_id: int | None) -> str:
    """Return what a required context says of a commit: `success`, `pending`, `failure` or `expected`."""
    for row in commits.latest_statuses(store, repo["id"], sha):
        if row["context"].casefold() == context.casefold() and _by(store, row, app_id):
            return "failure" if row["state"] == "error" else str(row["state"])
    for row in checks.latest(checks.runs_of_commit(store, repo["id"], sha)):
        if row["name"] == context and app_id in (None, row["app_id"]):
            if row["status"] != "completed":
                return "pending"
            return "success" if row["conclusion"] in checks.GOOD else "failure"
    return "expected"


def _by(store: Store, status: Row, app_id: int | None) -> bool:
    return app_id is None or bool(store.row("apps", app_id)["bot_id"] == status["creator_id"])


def why_not_mergeable(
    store: Store,
    repo: Row,
    branch: str,
    head_sha: str,
    *,
    level: int,
    approvals: int = 0,
    changes_requested: bool = False,
    code_owner_approved: bool = True,
    up_to_date: bool = True,
) -> str | None:
    """Return why GitHub would refuse to merge a commit into a branch, in its words, or None.

    `level` is the access of whoever merges; an administrator passes classic protection that does not bind
    administrators.
    """
    for row in of_branch(store, repo["id"], branch):
        free = row["source"] == "protection" and not row["enforce_admins"]
        if free and level >= LEVELS["admin"]:
            continue
        if row["merge_queue"]:
            return "Changes must be made through the merge queue"
        said = _reviews(row, approvals, changes_requested, code_owner_approved)
        said = said or _checks(store, repo, row, head_sha)
        if said is None and row["strict"] and not up_to_date:
            said = "This branch must not be out-of-date with the base branch before merging."
        if said is not None:
            return said
    return None


def _reviews(row: Row, approvals: int, changes_requested: bool, code_owner_approved: bool) -> str | None:
    wanted = row["approvals"]
    if wanted and changes_requested:
        return "Changes have been requested."
    if approvals < wanted:
        reviews = f"{wanted} approving review{' is' if wanted == 1 else 's are'}"
        return f"At least {reviews} required by reviewers with write access."
    if row["code_owners"] and not code_owner_approved:
        return "Waiting on code owner review."
    return None


def _checks(store: Store, repo: Row, row: Row, sha: str) -> str | None:
    words = {"expected": "expected", "pending": "in progress", "failure": "failing"}
    for context, app_id in json.loads(row["checks"]).items():
        state = state_of_check(store, repo, sha, context, app_id)
        if state != "success":
            return f'Required status check "{context}" is {words[state]}.'
    return None


def short(rows: list[Row]) -> Json:
    """Return what a branch's own answer says of its classic protection."""
    found = next((row for row in rows if row["source"] == "protection"), None)
    required = json.loads(found["checks"]) if found else {}
    level = "off" if not required else "everyone" if found and found["enforce_admins"] else "non_admins"
    checks = {"enforcement_level": level, "contexts": list(required), "checks": _listed(required)}
    return {"enabled": found is not None, "required_status_checks": checks}


def _listed(required: dict[str, int | None]) -> list[dict[str, Any]]:
    return [{"context": context, "app_id": app_id} for context, app_id in required.items()]


_OFF = (
    "required_linear_history", "allow_force_pushes", "allow_deletions", "block_creations",
    "required_conversation_resolution", "lock_branch", "allow_fork_syncing",
)  # fmt: skip


def shape(site: Site, repo: Row, row: Row) -> Json:
    """Return a branch's classic protection."""
    url = site.api(f"/repos/{repo['full_name']}/branches/{row['branch']}/protection")
    shown: Json = {"url": url} | {name: {"enabled": False} for name in _OFF}
    shown["enforce_admins"] = {"url": f"{url}/enforce_admins", "enabled": bool(row["enforce_admins"])}
    shown["required_signatures"] = {"url": f"{url}/required_signatures", "enabled": False}
    required = json.loads(row["checks"])
    if required:
        shown["required_status_checks"] = {
            "url": f"{url}/required_status_checks",
            "strict": bool(row["strict"]),
            "contexts": list(required),
            "contexts_url": f"{url}/required_status_checks/contexts",
            "checks": _listed(required),
        }
    if row["approvals"] or row["code_owners"]:
        shown["required_pull_request_reviews"] = {
            "url": f"{url}/required_pull_request_reviews",
            "dismiss_stale_reviews": bool(row["dismiss_stale"]),
            "require_code_owner_reviews": bool(row["code_owners"]),
            "required_approving_review_count": row["approvals"],
            "require_last_push_approval": False,
        }
    return shown


def rules(repo: Row, row: Row) -> list[Json]:
    """Return the rules of a branch's ruleset, those that it has."""
    found: list[Json] = []
    required = json.loads(row["checks"])
    if required:
        contexts = [
            {"context": context} | ({"integration_id": app_id} if app_id else {})
            for context, app_id in required.items()
        ]
        parameters = {"strict_required_status_checks_policy": bool(row["strict"])}
        parameters |= {"do_not_enforce_on_create": False}
        found.append(_rule("required_status_checks", parameters | {"required_status_checks": contexts}))
    if row["approvals"] or row["code_owners"]:
        parameters = {
            "dismiss_stale_reviews_on_push": bool(row["dismiss_stale"]),
            "require_code_owner_review": bool(row["code_owners"]),
            "require_last_push_approval": False,
            "required_approving_review_count": row["approvals"],
            "required_review_thread_resolution": False,
        }
        found.append(_rule("pull_request", parameters))
    if row["merge_queue"]:
        found.append(_rule("merge_queue", _QUEUE))
    return [rule | _origin(repo, row) for rule in found]


_QUEUE = {
    "check_response_timeout_minutes": 60, "grouping_strategy": "ALLGREEN", "max_entries_to_build": 5,
    "max_entries_to_merge": 5, "merge_method": "MERGE", "min_entries_to_merge": 1,
    "min_entries_to_merge_wait_minutes": 0,
}  # fmt: skip


def _rule(kind: str, parameters: Json) -> Json:
    return {"type": kind, "parameters": parameters}


def _origin(repo: Row, row: Row) -> Json:
    named = {"ruleset_source_type": "Repository", "ruleset_source": repo["full_name"]}
    return named | {"ruleset_id": row["id"]}
