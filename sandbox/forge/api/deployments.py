# SPDX-License-Identifier: Apache-2.0
"""Deployments: made, listed, told how they went, deleted."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from flask import request

from sandbox.forge import commits, deployments, git
from sandbox.forge.api.blueprint import api, body, caller, paginated, repository
from sandbox.forge.errors import ApiError, invalid, not_found
from sandbox.forge.state import forge
from sandbox.forge.store import Row, now

_STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")
_LONGEST_DESCRIPTION = 140
_LONGEST_ENVIRONMENT = 255
_ONE = "/repos/<owner>/<name>/deployments/<int:deployment_id>"


def _author() -> dict[str, int | None]:
    installed = caller().installation
    app_id = int(installed["app_id"]) if installed is not None else None
    return {"creator_id": int(caller().account(forge().store)["id"]), "app_id": app_id}


@api.post("/repos/<owner>/<name>/deployments")
def create_deployment(owner: str, name: str) -> tuple[dict[str, Any], int]:
    """Make a deployment of a branch, tag or commit."""
    repo = repository(owner, name, permission="deployments", level="write")
    asked = body()
    ref = asked.get("ref")
    found = git.resolve(forge().repositories.open(repo["id"]), ref) if isinstance(ref, str) else None
    if found is None:
        raise invalid("Deployment", "ref", f"No ref found for: {ref}")
    if asked.get("auto_merge", True):
        raise ApiError(422, "This forge merges nothing by itself: send auto_merge: false")
    _check_contexts(repo, str(found.id), str(ref), asked.get("required_contexts"))
    environment = _limited(asked, "environment", _LONGEST_ENVIRONMENT, "production")
    made = forge().store.insert(
        "deployments", repository_id=repo["id"], sha=str(found.id), ref=ref, task=asked.get("task", "deploy"),
        payload=json.dumps(asked.get("payload", {})), environment=environment,
        description=_limited(asked, "description", _LONGEST_DESCRIPTION, None),
        transient=bool(asked.get("transient_environment", False)),
        production=bool(asked.get("production_environment", environment == "production")),
        created_at=now(), updated_at=now(), **_author(),
    )  # fmt: skip
    return deployments.shape(forge().site, forge().store, forge().store.row("deployments", made)), 201


def _limited(asked: dict[str, Any], field: str, longest: int, default: str | None) -> str | None:
    value = asked.get(field) or default
    if value is not None and (not isinstance(value, str) or len(value) > longest):
        raise invalid("Deployment", field, f"{field} is too long (maximum is {longest} characters)")
    return value


def _check_contexts(repo: Row, sha: str, ref: str, required: list[str] | None) -> None:
    """Refuse unless the contexts asked for succeeded; without a word every context has to."""
    latest = {row["context"]: row["state"] for row in commits.latest_statuses(forge().store, repo["id"], sha)}
    wanted = list(latest) if required is None else required
    open_ = [{"context": name, "state": latest.get(name, "expected")} for name in wanted]
    if any(one["state"] != "success" for one in open_):
        error = {"contexts": open_, "resource": "Deployment", "field": "required_contexts", "code": "invalid"}
        raise ApiError(409, f"Conflict: Commit status checks failed for {ref}.", errors=[error])


@api.get("/repos/<owner>/<name>/deployments")
def list_deployments(owner: str, name: str) -> list[dict[str, Any]]:
    """List a repository's deployments, newest first: of a `sha`, `ref`, `task` or `environment`."""
    repo = repository(owner, name, permission="deployments")
    found = forge().store.all(
        "SELECT * FROM deployments WHERE repository_id = ? ORDER BY id DESC", repo["id"]
    )
    for column in ("sha", "ref", "task", "environment"):
        wanted = request.args.get(column, "none")
        found = [row for row in found if wanted in ("none", row[column])]
    return [deployments.shape(forge().site, forge().store, row) for row in paginated(found)]


def _deployment(repo: Row, deployment_id: int) -> Row:
    found = deployments.deployment(forge().store, repo["id"], deployment_id)
    if found is None:
        raise not_found()
    return found


@api.get(_ONE)
def get_deployment(owner: str, name: str, deployment_id: int) -> dict[str, Any]:
    """Show a deployment."""
    repo = repository(owner, name, permission="deployments")
    return deployments.shape(forge().site, forge().store, _deployment(repo, deployment_id))


@api.delete(_ONE)
def delete_deployment(owner: str, name: str, deployment_id: int) -> tuple[str, int]:
    """Delete a deployment that is not active, or the only one."""
    repo = repository(owner, name, permission="deployments", level="write")
    row = _deployment(repo, deployment_id)
    several = forge().store.count("SELECT count(*) FROM deployments WHERE repository_id = ?", repo["id"]) > 1
    if several and deployments.state(forge().store, row["id"]) == "success":
        said = (
            "We cannot delete an active deployment unless it is the only deployment in a given environment."
        )
        raise ApiError(422, said)
    forge().store.write("DELETE FROM deployments WHERE id = ?", row["id"])
    return "", 204


@api.post(f"{_ONE}/statuses")
def create_deployment_status(owner: str, name: str, deployment_id: int) -> tuple[dict[str, Any], int]:
    """Say how a deployment goes; a success makes the earlier ones to the environment inactive."""
    repo = repository(owner, name, permission="deployments", level="write")
    row = _deployment(repo, deployment_id)
    asked = body()
    said = _status(row, asked)
    with forge().store.transaction():
        made = deployments.add_status(forge().store, row, **_author(), **said)  # type: ignore[arg-type]
        if said["state"] == "success" and asked.get("auto_inactive", True):
            deployments.retire(forge().store, _deployment(repo, deployment_id), **_author())  # type: ignore[arg-type]
    return deployments.status_shape(forge().site, forge().store, row, made), 201


def _status(row: Row, asked: dict[str, Any]) -> dict[str, str]:
    if asked.get("state") not in _STATES:
        raise invalid("DeploymentStatus", "state", "state is not included in the list")
    description = asked.get("description") or ""
    if len(description) > _LONGEST_DESCRIPTION:
        said = f"description is too long (maximum is {_LONGEST_DESCRIPTION} characters)"
        raise invalid("DeploymentStatus", "description", said)
    urls = {
        "environment_url": asked.get("environment_url") or "",
        "log_url": asked.get("log_url") or asked.get("target_url") or "",
    }
    for field, value in urls.items():
        if value and urlsplit(value).scheme not in ("http", "https"):
            raise invalid("DeploymentStatus", field, f"{field} must use http(s) scheme")
    environment = asked.get("environment") or row["environment"]
    return {"state": asked["state"], "description": description, "environment": environment} | urls


@api.get(f"{_ONE}/statuses")
def list_deployment_statuses(owner: str, name: str, deployment_id: int) -> list[dict[str, Any]]:
    """List a deployment's statuses, newest first."""
    row = _deployment(repository(owner, name, permission="deployments"), deployment_id)
    found = paginated(deployments.statuses(forge().store, row["id"]))
    return [deployments.status_shape(forge().site, forge().store, row, one) for one in found]


@api.get(f"{_ONE}/statuses/<int:status_id>")
def get_deployment_status(owner: str, name: str, deployment_id: int, status_id: int) -> dict[str, Any]:
    """Show one status of a deployment."""
    row = _deployment(repository(owner, name, permission="deployments"), deployment_id)
    for one in deployments.statuses(forge().store, row["id"]):
        if one["id"] == status_id:
            return deployments.status_shape(forge().site, forge().store, row, one)
    raise not_found()
