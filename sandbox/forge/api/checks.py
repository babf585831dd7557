# SPDX-License-Identifier: Apache-2.0
"""Check runs and suites: only Apps write them, each its own."""

from __future__ import annotations

from typing import Any

from flask import request

from sandbox.forge import check_events, checks, git, mergequeue
from sandbox.forge.api import check_fields
from sandbox.forge.api.blueprint import api, body, caller, paginated, repository
from sandbox.forge.api.commits import commit_of
from sandbox.forge.errors import ApiError, invalid, not_found
from sandbox.forge.state import forge
from sandbox.forge.store import Row

_RUN = "/repos/<owner>/<name>/check-runs/<int:run_id>"
_SUITE = "/repos/<owner>/<name>/check-suites/<int:suite_id>"


def _writable(owner: str, name: str) -> tuple[Row, int]:
    """Return a repository and the App that may write checks there, or raise GitHub's refusal."""
    if caller().user is not None:
        repository(owner, name)
        raise ApiError(403, "You must authenticate via a GitHub App.")
    repo = repository(owner, name, permission="checks", level="write")
    installed = caller().installation
    if installed is None:
        raise not_found()
    return repo, int(installed["app_id"])


@api.post("/repos/<owner>/<name>/check-runs")
def create_run(owner: str, name: str) -> tuple[dict[str, Any], int]:
    """Make a check run, also beside another of the same name: the newest counts."""
    repo, app_id = _writable(owner, name)
    asked = body()
    columns, annotated = check_fields.columns(asked, new=True), check_fields.brought_annotations(asked)
    suite, _ = _suite_of(repo, app_id, asked.get("head_sha"))
    row = checks.write_run(forge().store, suite["id"], columns, annotated)
    check_events.run_changed("created", row, sender=_sender())
    _concluded(repo, row)
    return checks.run_shape(forge().site, forge().store, row), 201


def _suite_of(repo: Row, app_id: int, sha: Any) -> tuple[Row, bool]:
    found = git.peel(forge().repositories.open(repo["id"]), sha) if len(str(sha)) == 40 else None
    if found is None or str(found.id) != sha:
        raise invalid("CheckRun", "head_sha", f"No commit found for SHA: {sha}")
    return checks.suite(forge().store, repo["id"], app_id, sha, branch=None, before=None)


def _sender() -> Row:
    return caller().account(forge().store)


def _concluded(repo: Row, row: Row) -> None:
    if row["status"] == "completed":
        check_events.run_changed("completed", row, sender=_sender())
        mergequeue.settle(repo, row["head_sha"])


@api.patch(_RUN)
def update_run(owner: str, name: str, run_id: int) -> dict[str, Any]:
    """Change a check run; annotations are added to those it has."""
    repo, app_id = _writable(owner, name)
    before = _run(repo, run_id)
    if before["app_id"] != app_id:
        said = (
            f"Invalid app_id `{app_id}` - check run can only be modified by the GitHub App that created it."
        )
        raise ApiError(403, said)
    asked = body()
    columns, annotated = check_fields.columns(asked, new=False), check_fields.brought_annotations(asked)
    row = checks.change_run(forge().store, before, columns, annotated)
    if before["status"] != "completed":
        _concluded(repo, row)
    return checks.run_shape(forge().site, forge().store, row)


def _run(repo: Row, run_id: int) -> Row:
    found = checks.run(forge().store, run_id)
    if found is None or found["repository_id"] != repo["id"]:
        raise not_found()
    return found


@api.get(_RUN)
def get_run(owner: str, name: str, run_id: int) -> dict[str, Any]:
    """Show a check run."""
    repo = repository(owner, name, permission="checks")
    return checks.run_shape(forge().site, forge().store, _run(repo, run_id))


@api.get(f"{_RUN}/annotations")
def list_annotations(owner: str, name: str, run_id: int) -> list[dict[str, Any]]:
    """List a check run's annotations."""
    repo = repository(owner, name, permission="checks")
    row = _run(repo, run_id)
    found = paginated(checks.annotations_of(forge().store, run_id))
    return [checks.annotation_shape(forge().site, repo, row["head_sha"], one) for one in found]


@api.post(f"{_RUN}/rerequest")
def rerequest_run(owner: str, name: str, run_id: int) -> tuple[dict[str, Any], int]:
    """Ask a check run's App for it again."""
    repo, _ = _writable(owner, name)
    row = _run(repo, run_id)
    check_events.run_wanted(row, sender=_sender())
    checks.rerequest(forge().store, row["suite_id"])
    return {}, 201


@api.get("/repos/<owner>/<name>/commits/<path:ref>/check-runs")
def list_runs_of_ref(owner: str, name: str, ref: str) -> dict[str, Any]:
    """List the check runs of a commit, by default the newest of each name."""
    repo = repository(owner, name, permission="checks")
    sha = str(commit_of(repo, ref).id)
    return _listed(checks.runs_of_commit(forge().store, repo["id"], sha))


@api.get(f"{_SUITE}/check-runs")
def list_runs_of_suite(owner: str, name: str, suite_id: int) -> dict[str, Any]:
    """List the check runs of a suite, by default the newest of each name."""
    repo = repository(owner, name, permission="checks")
    return _listed(checks.runs_of_suite(forge().store, _suite(repo, suite_id)["id"]))


def _listed(rows: list[Row]) -> dict[str, Any]:
    found = rows if request.args.get("filter") == "all" else checks.latest(rows)
    for argument, column in (("check_name", "name"), ("status", "status"), ("app_id", "app_id")):
        if wanted := request.args.get(argument):
            found = [row for row in found if str(row[column]) == wanted]
    shown = [checks.run_shape(forge().site, forge().store, row) for row in paginated(found)]
    return {"total_count": len(found), "check_runs": shown}


def _suite(repo: Row, suite_id: int) -> Row:
    found = forge().store.one(
        "SELECT * FROM check_suites WHERE id = ? AND repository_id = ?", suite_id, repo["id"]
    )
    if found is None:
        raise not_found()
    return found


def _shown(suite: Row) -> dict[str, Any]:
    return checks.suite_shape(forge().site, forge().store, forge().repositories, suite)


@api.post("/repos/<owner>/<name>/check-suites")
def create_suite(owner: str, name: str) -> tuple[dict[str, Any], int]:
    """Make the App's suite of a commit, which its first check run would make too."""
    repo, app_id = _writable(owner, name)
    suite, new = _suite_of(repo, app_id, body().get("head_sha"))
    return _shown(suite), 201 if new else 200


@api.get(_SUITE)
def get_suite(owner: str, name: str, suite_id: int) -> dict[str, Any]:
    """Show a check suite."""
    return _shown(_suite(repository(owner, name, permission="checks"), suite_id))


@api.post(f"{_SUITE}/rerequest")
def rerequest_suite(owner: str, name: str, suite_id: int) -> tuple[dict[str, Any], int]:
    """Ask a suite's App for all of its checks again."""
    repo, _ = _writable(owner, name)
    suite = _suite(repo, suite_id)
    check_events.suite_wanted("rerequested", suite, sender=_sender())
    checks.rerequest(forge().store, suite["id"])
    return {}, 201


@api.get("/repos/<owner>/<name>/commits/<path:ref>/check-suites")
def list_suites_of_ref(owner: str, name: str, ref: str) -> dict[str, Any]:
    """List the check suites of a commit."""
    repo = repository(owner, name, permission="checks")
    sha = str(commit_of(repo, ref).id)
    rows = forge().store.all(
        "SELECT * FROM check_suites WHERE repository_id = ? AND head_sha = ? AND (? IS NULL OR app_id = ?)"
        " ORDER BY id",
        repo["id"], sha, *[request.args.get("app_id", type=int)] * 2,
    )  # fmt: skip
    if name_wanted := request.args.get("check_name"):
        rows = [row for row in rows if name_wanted in _names(row)]
    return {"total_count": len(rows), "check_suites": [_shown(row) for row in paginated(rows)]}


def _names(suite: Row) -> set[str]:
    return {row["name"] for row in checks.runs_of_suite(forge().store, suite["id"])}
