# SPDX-License-Identifier: Apache-2.0
"""Commit statuses: written, listed, combined."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from sandbox.forge import commits, git, mergequeue, shapes
from sandbox.forge.api.blueprint import api, body, caller, paginated, repository
from sandbox.forge.api.commits import commit_of
from sandbox.forge.commits import repository_with_owner
from sandbox.forge.errors import ApiError, invalid
from sandbox.forge.state import forge
from sandbox.forge.store import now

_STATES = ("error", "failure", "pending", "success")
_MOST_PER_CONTEXT = 1000
_LONGEST = {"description": 140, "context": 255}


@api.post("/repos/<owner>/<name>/statuses/<sha>")
def create_status(owner: str, name: str, sha: str) -> tuple[dict[str, Any], int]:
    """Write a status; nothing is ever changed, a newer one of the same context counts."""
    repo = repository(owner, name, permission="statuses", level="write")
    asked = _checked(body())
    found = git.peel(forge().repositories.open(repo["id"]), sha) if len(sha) == 40 else None
    if found is None or str(found.id) != sha:
        raise ApiError(422, f"No commit found for SHA: {sha}")
    where = "repository_id = ? AND sha = ? AND context = ?"
    with forge().store.transaction():
        sql = f"SELECT count(*) FROM statuses WHERE {where}"  # noqa: S608 - no value in it
        if forge().store.count(sql, repo["id"], sha, asked["context"]) >= _MOST_PER_CONTEXT:
            message = "This SHA and context has reached the maximum number of statuses."
            error = {"resource": "Status", "code": "custom", "message": message}
            raise ApiError(422, "Validation Failed", errors=[error])
        made = forge().store.insert(
            "statuses", repository_id=repo["id"], sha=sha, creator_id=_creator(), created_at=now(), **asked
        )
    mergequeue.settle(repo, sha)
    return commits.status(forge().store, forge().site, repo, forge().store.row("statuses", made)), 201


def _creator() -> int:
    return int(caller().account(forge().store)["id"])


def _checked(asked: dict[str, Any]) -> dict[str, str | None]:
    if asked.get("state") not in _STATES:
        raise invalid("Status", "state", "state is not included in the list")
    context = "default" if asked.get("context") is None else asked["context"]
    status = {"state": asked["state"], "context": context}
    status |= {name: asked.get(name) for name in ("description", "target_url")}
    for field, value in status.items():
        if not (value is None or isinstance(value, str)):
            raise invalid("Status", field, f"{field} is not a string")
    for field, longest in _LONGEST.items():
        if len(status[field] or "") > longest:
            raise invalid("Status", field, f"{field} is too long (maximum is {longest} characters)")
    if not context:
        raise invalid("Status", "context", "context can't be blank")
    if status["target_url"] and urlsplit(status["target_url"]).scheme not in ("http", "https"):
        raise invalid("Status", "target_url", "target_url must use http(s) scheme")
    return status


@api.get("/repos/<owner>/<name>/commits/<path:ref>/statuses")
@api.get("/repos/<owner>/<name>/statuses/<path:ref>")
def list_statuses(owner: str, name: str, ref: str) -> list[dict[str, Any]]:
    """List every status of a commit, newest first."""
    repo = repository(owner, name, permission="statuses")
    sha = str(commit_of(repo, ref).id)
    rows = commits.statuses(forge().store, repo["id"], sha)
    return [commits.status(forge().store, forge().site, repo, row) for row in paginated(rows)]


@api.get("/repos/<owner>/<name>/commits/<path:ref>/status")
def get_combined_status(owner: str, name: str, ref: str) -> dict[str, Any]:
    """Show the newest status of each context and what they amount to."""
    repo = repository(owner, name, permission="statuses")
    sha = str(commit_of(repo, ref).id)
    latest = commits.latest_statuses(forge().store, repo["id"], sha)
    store, site = forge().store, forge().site
    api_url = site.api(f"/repos/{repo['full_name']}/commits/{sha}")
    return {
        "state": commits.combined_state(latest),
        "statuses": [commits.simple_status(site, repo, row) for row in paginated(latest)],
        "sha": sha,
        "total_count": len(latest),
        "repository": shapes.minimal_repository(site, *repository_with_owner(store, repo["id"])),
        "commit_url": api_url,
        "url": f"{api_url}/status",
    }
