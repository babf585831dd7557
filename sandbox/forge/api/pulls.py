# SPDX-License-Identifier: Apache-2.0
"""Pull requests: opened, listed, shown, changed and merged."""

from __future__ import annotations

from typing import Any

from flask import request

from sandbox.forge import (
    accounts,
    commits,
    merge_gates,
    merges,
    pull_branches,
    pull_requests,
    pull_shapes,
    pulls,
)
from sandbox.forge.api.blueprint import actor, api, body, caller, ordered, paginated, repository
from sandbox.forge.api.commits import commit_of
from sandbox.forge.errors import ApiError, invalid, not_found
from sandbox.forge.state import forge
from sandbox.forge.store import Row

_STATES = ("open", "closed", "all")
# GitHub shows no more commits of a pull request, and no more files.
_MOST_COMMITS, _MOST_FILES = 250, 3000


def pull_of(owner: str, name: str, number: int, *, level: str = "read") -> tuple[Row, Row]:
    """Return a repository and its pull request, which the caller may read or write."""
    repo = repository(owner, name, permission="pull_requests", level=level, person="read")
    found = pulls.pull(forge().store, repo["id"], number)
    if found is None:
        raise not_found()
    return repo, found


def _shown(repo: Row, pull: Row, *, mergeable_state: str = "unknown") -> dict[str, Any]:
    return pull_shapes.pull(forge().store, forge().site, repo, pull, mergeable_state=mergeable_state)


@api.get("/repos/<owner>/<name>/pulls")
def list_pulls(owner: str, name: str) -> list[dict[str, Any]]:
    """List pull requests by state, head (`owner:branch`) and base."""
    repo = repository(owner, name, permission="pull_requests")
    state = request.args.get("state", "open")
    if state not in _STATES:
        raise invalid("PullRequest", "state", f"state is none of {', '.join(_STATES)}")
    rows = [row for row in pulls.pulls(forge().store, repo["id"]) if state in ("all", row["state"])]
    if base := request.args.get("base"):
        rows = [row for row in rows if row["base_ref"] == base]
    # As on GitHub, a head without its owner is no filter.
    if ":" in (head := request.args.get("head", "")):
        rows = [row for row in rows if _label(row).lower() == head.lower()]
    found = paginated(ordered(rows, ("created", "updated")))
    return [pull_shapes.simple_pull(forge().store, forge().site, repo, row) for row in found]


def _label(pull: Row) -> str:
    repo = accounts.existing_repository(forge().store, pull["head_repository_id"])
    return f"{repo['owner_login']}:{pull['head_ref']}"


@api.post("/repos/<owner>/<name>/pulls")
def create_pull(owner: str, name: str) -> tuple[dict[str, Any], int]:
    """Open a pull request from a branch of this repository, or from `owner:branch` of a fork."""
    repo = repository(owner, name, permission="pull_requests", level="write", person="read")
    asked = body()
    for field in ("title", "head", "base"):
        if not isinstance(asked.get(field), str) or not asked[field].strip():
            raise pull_requests.refusal(f"{field} is missing", field=field, code="missing_field")
    head_repo, head = _head(repo, asked)
    _may_open_from(head_repo)
    opened = pull_requests.open_pull(
        repo, head_repo, head=head, base=asked["base"], title=asked["title"], body=asked.get("body"),
        actor=actor(), draft=bool(asked.get("draft")),
        maintainer_can_modify=bool(asked.get("maintainer_can_modify")) and head_repo["id"] != repo["id"],
    )  # fmt: skip
    return _shown(repo, opened), 201


def _head(repo: Row, asked: dict[str, Any]) -> tuple[Row, str]:
    named, _, branch = asked["head"].rpartition(":")
    owner, wanted = named or repo["owner_login"], asked.get("head_repo")
    for found in _network(repo):
        if wanted and wanted.lower() not in (found["name"].lower(), found["full_name"].lower()):
            continue
        if owner.lower() == found["owner_login"].lower():
            return found, branch
    error = {"resource": "PullRequest", "field": "head", "code": "invalid"}
    raise ApiError(422, "Validation Failed", errors=[error])


def _network(repo: Row) -> list[Row]:
    """List a repository, what it was forked from, and the forks of both."""
    known = {repo["id"], repo["parent_id"]}
    every = accounts.repositories(forge().store)
    return [
        repo,
        *(row for row in every if row["id"] != repo["id"] and {row["id"], row["parent_id"]} & known - {None}),
    ]


def _may_open_from(head_repo: Row) -> None:
    """Raise unless a person may write to the branch that is proposed; an App need only see it."""
    user = caller().user
    if not caller().sees(forge().store, head_repo):
        raise not_found()
    if user is not None and accounts.access(forge().store, user["id"], head_repo) < accounts.LEVELS["write"]:
        raise ApiError(403, f"Must have write access to {head_repo['full_name']}.")


@api.get("/repos/<owner>/<name>/pulls/<int:number>")
def get_pull(owner: str, name: str, number: int) -> dict[str, Any]:
    """Show a pull request; the first who asks after a branch moved is not told yet whether it merges."""
    repo, pull = pull_of(owner, name, number)
    pull, state = merge_gates.mergeable_state(pull)
    return _shown(repo, pull, mergeable_state=state)


@api.patch("/repos/<owner>/<name>/pulls/<int:number>")
def update_pull(owner: str, name: str, number: int) -> dict[str, Any]:
    """Rename, retarget, close or reopen a pull request."""
    repo, pull = pull_of(owner, name, number, level="write")
    _may_change(repo, pull)
    asked = body()
    if asked.get("state", "open") not in ("open", "closed"):
        raise invalid("PullRequest", "state", "state is none of open, closed")
    if "maintainer_can_modify" in asked:
        pulls.change(forge().store, pull["id"], maintainer_can_modify=bool(asked["maintainer_can_modify"]))
    change_pull(pull, asked)
    return _shown(repo, pulls.existing_pull(forge().store, pull["id"]))


def _may_change(repo: Row, pull: Row) -> None:
    user = caller().user
    if user is not None and user["id"] != pull["user_id"]:
        caller().require(forge().store, repo, "pull_requests", "write")


def change_pull(pull: Row, asked: dict[str, Any]) -> None:
    """Change title, text, base and state of a pull request as far as they are asked for and differ."""
    store = forge().store
    head_repo = accounts.existing_repository(store, pull["head_repository_id"])
    title = asked.get("title") or pull["title"]
    pull_requests.rename(pull, actor(), title=title, body=asked.get("body", pull["body"]))
    if asked.get("base", pull["base_ref"]) != pull["base_ref"]:
        if pull["state"] == "closed":
            message = "Cannot change the base branch of a closed pull request."
            raise pull_requests.refusal(message, field="base", code="invalid")
        pull_requests.retarget(pulls.existing_pull(store, pull["id"]), actor(), asked["base"], head_repo)
    pull = pulls.existing_pull(store, pull["id"])
    match asked.get("state", pull["state"]):
        case "closed" if pull["state"] == "open":
            pull_requests.close(pull, actor())
        case "open" if pull["state"] == "closed":
            pull_requests.reopen(pull, actor(), head_repo)


@api.get("/repos/<owner>/<name>/pulls/<int:number>/commits")
def list_pull_commits(owner: str, name: str, number: int) -> list[dict[str, Any]]:
    """List a pull request's commits, oldest first."""
    repo, pull = pull_of(owner, name, number)
    opened = forge().repositories.open(repo["id"])
    shas = paginated(pulls.commit_ids(forge().store, pull["id"])[:_MOST_COMMITS])
    return [commits.commit(forge().store, forge().site, repo, opened[sha]) for sha in shas]


@api.get("/repos/<owner>/<name>/pulls/<int:number>/files")
def list_pull_files(owner: str, name: str, number: int) -> list[dict[str, Any]]:
    """List what a pull request changes."""
    repo, pull = pull_of(owner, name, number)
    opened = forge().repositories.open(repo["id"])
    diff = pull_branches.changes(opened, pull["root_sha"], pull["head_sha"])
    return paginated(commits.changed_files(forge().site, repo, diff, pull["head_sha"])[:_MOST_FILES])


@api.get("/repos/<owner>/<name>/pulls/<int:number>/comments")
def list_review_comments(owner: str, name: str, number: int) -> list[dict[str, Any]]:
    """List the comments on lines of a pull request: there are none, for nobody can write one here."""
    pull_of(owner, name, number)
    return []


@api.get("/repos/<owner>/<name>/commits/<path:ref>/pulls")
def list_pulls_of_commit(owner: str, name: str, ref: str) -> list[dict[str, Any]]:
    """List the pull requests that brought a commit, or would."""
    repo = repository(owner, name, permission="pull_requests")
    repository(owner, name, permission="contents")
    found = pulls.containing(forge().store, repo["id"], str(commit_of(repo, ref).id))
    return [pull_shapes.simple_pull(forge().store, forge().site, repo, row) for row in paginated(found)]


@api.get("/repos/<owner>/<name>/pulls/<int:number>/merge")
def is_merged(owner: str, name: str, number: int) -> tuple[str, int]:
    """Say by the status alone whether a pull request was merged."""
    _, pull = pull_of(owner, name, number)
    if pull["merged_at"] is None:
        raise not_found()
    return "", 204


@api.put("/repos/<owner>/<name>/pulls/<int:number>/merge")
def merge_pull(owner: str, name: str, number: int) -> dict[str, Any]:
    """Merge a pull request, with `sha` only if that is its head."""
    repo = repository(owner, name, permission="contents", level="write")
    pull = pulls.pull(forge().store, repo["id"], number)
    if pull is None:
        raise not_found()
    asked = body()
    method = asked.get("merge_method", "merge")
    if method not in merges.METHODS:
        raise invalid("PullRequest", "merge_method", f"merge_method is none of {', '.join(merges.METHODS)}")
    made = merges.merge_pull(
        pull, actor(), method=method, title=asked.get("commit_title"), message=asked.get("commit_message"),
        sha=asked.get("sha"),
    )  # fmt: skip
    return {"sha": made, "merged": True, "message": "Pull Request successfully merged"}
