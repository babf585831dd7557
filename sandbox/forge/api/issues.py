# SPDX-License-Identifier: Apache-2.0
"""Issues and their labels; a pull request is an issue too."""

from __future__ import annotations

from typing import Any

from flask import request

from sandbox.forge import accounts, issue_shapes, issues, pull_requests, pulls, telling
from sandbox.forge.api.blueprint import actor, api, body, caller, ordered, paginated, repository, since
from sandbox.forge.api.pulls import change_pull
from sandbox.forge.errors import ApiError, invalid, not_found
from sandbox.forge.state import forge
from sandbox.forge.store import Row


def issue_of(
    owner: str, name: str, number: int, *, level: str = "read", person: str = "read"
) -> tuple[Row, Row]:
    """Return a repository and its issue or pull request, whose conversation the caller may use this way."""
    repo = repository(owner, name)
    found = issues.issue(forge().store, repo["id"], number)
    if found is None:
        raise not_found()
    require_part(repo, found, level, person=person)
    return repo, found


def require_part(repo: Row, issue: Row, level: str, *, person: str = "read") -> None:
    """Raise unless the caller may use the conversation: of a pull request, either permission opens it."""
    part = "issues"
    if issue["pull_id"] and caller().granted("pull_requests") >= accounts.LEVELS[level]:
        part = "pull_requests"
    caller().require(forge().store, repo, part, level, person=person)


def _shown(repo: Row, issue: Row) -> dict[str, Any]:
    return issue_shapes.issue(forge().store, forge().site, repo, issue)


@api.get("/repos/<owner>/<name>/issues")
def list_issues(owner: str, name: str) -> list[dict[str, Any]]:
    """List issues and pull requests by state, labels, author and when they changed."""
    repo = repository(owner, name, permission="issues")
    rows, state = issues.issues(forge().store, repo["id"]), request.args.get("state", "open")
    if state not in ("open", "closed", "all"):
        raise invalid("Issue", "state", "state is none of open, closed, all")
    wanted = {label.strip().lower() for label in request.args.get("labels", "").split(",") if label.strip()}
    start, creator = since(), request.args.get("creator", "").lower()
    rows = [
        row
        for row in rows
        if state in ("all", row["state"])
        and row["updated_at"] >= start
        and (not creator or forge().store.row("accounts", row["user_id"])["login"].lower() == creator)
        and wanted <= {label["name"].lower() for label in issues.labels(forge().store, row["id"])}
    ]
    return [_shown(repo, row) for row in paginated(ordered(rows, ("created", "updated"), default="desc"))]


@api.post("/repos/<owner>/<name>/issues")
def create_issue(owner: str, name: str) -> tuple[dict[str, Any], int]:
    """Open an issue."""
    repo = repository(owner, name, permission="issues", level="write", person="read")
    asked, store = body(), forge().store
    title = _text(asked, "title")
    if not title:
        raise invalid("Issue", "title", "title can't be blank")
    with store.transaction():
        issue_id = issues.create(store, repo["id"], actor(), title=title, body=_text(asked, "body"))
        issues.note(store, issue_id, "opened", actor().id)
    if names := _names(asked.get("labels", [])):
        issues.add_labels(store, issues.existing_issue(store, issue_id), names)
    return _shown(repo, issues.existing_issue(store, issue_id)), 201


def _text(asked: dict[str, Any], field: str) -> str | None:
    value = asked.get(field)
    if not (value is None or isinstance(value, str)):
        raise invalid("Issue", field, f"{field} is not a string")
    return value


@api.get("/repos/<owner>/<name>/issues/<int:number>")
def get_issue(owner: str, name: str, number: int) -> dict[str, Any]:
    """Show an issue or pull request."""
    return _shown(*issue_of(owner, name, number))


@api.patch("/repos/<owner>/<name>/issues/<int:number>")
def update_issue(owner: str, name: str, number: int) -> dict[str, Any]:
    """Rename, close or reopen an issue or pull request; its author may, and whoever may write."""
    repo, issue = issue_of(owner, name, number, level="write")
    if caller().user is not None and actor().id != issue["user_id"]:
        require_part(repo, issue, "write", person="triage")
    asked, store = body(), forge().store
    wanted = {field: _text(asked, field) for field in ("title", "body") if field in asked}
    state = asked.get("state", issue["state"])
    if state not in ("open", "closed"):
        raise invalid("Issue", "state", "state is none of open, closed")
    if issue["pull_id"]:
        change_pull(pulls.existing_pull(store, issue["pull_id"]), wanted | {"state": state})
        return _shown(repo, issues.existing_issue(store, issue["id"]))
    if wanted:
        issues.change(store, issue["id"], **wanted)
    if state == "closed" and issue["state"] == "open":
        pull_requests.close_issue(issue["id"], actor(), "closed")
        issues.change(store, issue["id"], state_reason=asked.get("state_reason") or "completed")
    elif state == "open" and issue["state"] == "closed":
        opened = {"state": "open", "closed_at": None, "closed_by_id": None, "state_reason": "reopened"}
        issues.change(store, issue["id"], **opened)
        issues.note(store, issue["id"], "reopened", actor().id)
    return _shown(repo, issues.existing_issue(store, issue["id"]))


def _labels(repo: Row, issue: Row) -> list[dict[str, Any]]:
    rows = issues.labels(forge().store, issue["id"])
    return [issue_shapes.label(forge().site, repo, row) for row in rows]


def _names(given: Any) -> list[str]:
    names = [str(entry.get("name", "")) if isinstance(entry, dict) else str(entry) for entry in given or []]
    if not all(0 < len(name) <= 50 for name in names):
        raise invalid("Label", "name", "a label's name has 1 to 50 characters")
    return names


@api.get("/repos/<owner>/<name>/issues/<int:number>/labels")
def list_labels(owner: str, name: str, number: int) -> list[dict[str, Any]]:
    """List an issue's labels."""
    return paginated(_labels(*issue_of(owner, name, number)))


@api.post("/repos/<owner>/<name>/issues/<int:number>/labels")
def add_labels(owner: str, name: str, number: int) -> list[dict[str, Any]]:
    """Label an issue, and list all its labels."""
    repo, issue = issue_of(owner, name, number, level="write", person="triage")
    before = {row["id"] for row in issues.labels(forge().store, issue["id"])}
    issues.add_labels(forge().store, issue, _names(body().get("labels")))
    for row in issues.labels(forge().store, issue["id"]):
        if row["id"] not in before:
            _tell("labeled", repo, issue, row)
    return _labels(repo, issue)


@api.delete("/repos/<owner>/<name>/issues/<int:number>/labels/<path:label>")
def remove_label(owner: str, name: str, number: int, label: str) -> list[dict[str, Any]]:
    """Take a label off an issue, and list what is left."""
    repo, issue = issue_of(owner, name, number, level="write", person="triage")
    for row in issues.labels(forge().store, issue["id"]):
        if row["name"].lower() == label.lower():
            issues.remove_label(forge().store, issue, row["id"])
            _tell("unlabeled", repo, issue, row)
            return _labels(repo, issue)
    raise ApiError(404, "Label does not exist")


def _tell(action: str, repo: Row, issue: Row, label: Row) -> None:
    detail = {"name": label["name"]}
    issues.note(forge().store, issue["id"], action, actor().id, **detail)
    if issue["pull_id"]:
        shown = issue_shapes.label(forge().site, repo, label)
        telling.pull_request(action, issue["pull_id"], sender=actor().account, label=shown)
