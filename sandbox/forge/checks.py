# SPDX-License-Identifier: Apache-2.0
"""Check runs and suites as the forge keeps and shows them.

A suite is implied by its App and commit; its state is what its newest runs amount to.
"""

from __future__ import annotations

import json
from typing import Any

from sandbox.forge import commits, git, pulls, shapes
from sandbox.forge.commits import repository_with_owner
from sandbox.forge.git import Repositories
from sandbox.forge.shapes import Json, Site
from sandbox.forge.store import Row, Store, now, stamps

# From the worst to the best, as a suite sums its runs up.
_CONCLUSIONS = ("action_required", "timed_out", "cancelled", "failure", "success", "neutral", "skipped")
GOOD = frozenset({"success", "neutral", "skipped"})

_RUNS = """SELECT r.*, s.app_id, s.repository_id, s.head_sha FROM check_runs r
  JOIN check_suites s ON s.id = r.suite_id"""


def suite(
    store: Store, repository_id: int, app_id: int, sha: str, *, branch: str | None, before: str | None
) -> tuple[Row, bool]:
    """Return the suite of an App on a commit, making it when there is none, and whether it is new."""
    found = store.one(
        "SELECT * FROM check_suites WHERE repository_id = ? AND app_id = ? AND head_sha = ?",
        repository_id, app_id, sha,
    )  # fmt: skip
    if found is not None:
        return found, False
    made = store.insert(
        "check_suites", repository_id=repository_id, app_id=app_id, head_sha=sha, head_branch=branch,
        before=before, **stamps(),
    )  # fmt: skip
    return store.row("check_suites", made), True


def run(store: Store, run_id: int) -> Row | None:
    """Find a check run with its App, repository and commit."""
    return store.one(f"{_RUNS} WHERE r.id = ?", run_id)


def runs_of_commit(store: Store, repository_id: int, sha: str) -> list[Row]:
    """List the check runs of every App on a commit, newest first."""
    return store.all(
        f"{_RUNS} WHERE s.repository_id = ? AND s.head_sha = ? ORDER BY r.id DESC", repository_id, sha
    )


def runs_of_suite(store: Store, suite_id: int) -> list[Row]:
    """List the check runs of a suite, newest first."""
    return store.all(f"{_RUNS} WHERE s.id = ? ORDER BY r.id DESC", suite_id)


def latest(rows: list[Row]) -> list[Row]:
    """Keep the newest run of each name and App."""
    newest: dict[tuple[int, str], Row] = {}
    for row in rows:
        newest.setdefault((row["app_id"], row["name"]), row)
    return list(newest.values())


def annotations_of(store: Store, run_id: int) -> list[Row]:
    """List a run's annotations in the order in which they were added."""
    return store.all("SELECT * FROM check_annotations WHERE run_id = ? ORDER BY id", run_id)


def suite_state(store: Store, row: Row) -> tuple[str, str | None]:
    """Return a suite's status and conclusion."""
    found = latest(runs_of_suite(store, row["id"]))
    if row["rerequested"] or not found:
        return "queued", None
    if any(one["status"] != "completed" for one in found):
        return ("queued" if all(one["status"] == "queued" for one in found) else "in_progress"), None
    said = {one["conclusion"] for one in found}
    return "completed", next(word for word in _CONCLUSIONS if word in said)


def run_shape(site: Site, store: Store, row: Row) -> Json:
    """Return a check run."""
    repo, _ = repository_with_owner(store, row["repository_id"])
    return _run(site, store, repo, row) | {"check_suite": {"id": row["suite_id"]}}


def _run(site: Site, store: Store, repo: Row, row: Row) -> Json:
    app = _app(site, store, row["app_id"])
    address = site.api(f"/repos/{repo['full_name']}/check-runs/{row['id']}")
    counted = store.count("SELECT count(*) FROM check_annotations WHERE run_id = ?", row["id"])
    output = {name: row[name] for name in ("title", "summary", "text")}
    output |= {"annotations_count": counted, "annotations_url": f"{address}/annotations"}
    plain = ("id", "head_sha", "external_id", "status", "conclusion", "started_at", "completed_at", "name")
    return {name: row[name] for name in plain} | {
        "node_id": shapes.node_id("CheckRun", row["id"]),
        "url": address,
        "html_url": site.web(f"/{repo['full_name']}/runs/{row['id']}"),
        "details_url": row["details_url"] or app["external_url"],
        "output": output,
        "app": app,
        "pull_requests": _pull_requests(site, store, repo, row["head_sha"]),
    }


def _pull_requests(site: Site, store: Store, repo: Row, sha: str) -> list[Json]:
    """Return the open pull requests of a repository's own branches whose head a commit is."""
    address = site.api(f"/repos/{repo['full_name']}")
    named = {"id": repo["id"], "url": address, "name": repo["name"]}
    return [
        {
            "id": pull["id"],
            "number": pull["number"],
            "url": f"{address}/pulls/{pull['number']}",
            "head": {"ref": pull["head_ref"], "sha": sha, "repo": named},
            "base": {"ref": pull["base_ref"], "sha": pull["base_sha"], "repo": named},
        }
        for pull in pulls.with_head(store, repo["id"], sha)
    ]


def _app(site: Site, store: Store, app_id: int) -> Json:
    row = store.row("apps", app_id)
    return shapes.app(site, row, store.row("accounts", row["owner_id"]))


def annotation_shape(site: Site, repo: Row, sha: str, row: Row) -> Json:
    """Return one annotation."""
    plain = ("path", "start_line", "end_line", "start_column", "end_column", "annotation_level")
    said = ("title", "message", "raw_details")
    blob = site.web(f"/{repo['full_name']}/blob/{sha}/{row['path']}")
    return {name: row[name] for name in plain + said} | {"blob_href": blob}


def suite_shape(site: Site, store: Store, repositories: Repositories, row: Row) -> Json:
    """Return a check suite."""
    repo, owner = repository_with_owner(store, row["repository_id"])
    return _suite(site, store, repo, row) | {
        "repository": shapes.minimal_repository(site, repo, owner),
        **_suite_contents(site, store, repositories, repo, row),
    }


def _suite(site: Site, store: Store, repo: Row, row: Row) -> Json:
    status, conclusion = suite_state(store, row)
    return {
        "id": row["id"],
        "node_id": shapes.node_id("CheckSuite", row["id"]),
        "head_branch": row["head_branch"],
        "head_sha": row["head_sha"],
        "status": status,
        "conclusion": conclusion,
        "url": site.api(f"/repos/{repo['full_name']}/check-suites/{row['id']}"),
        "before": row["before"],
        "after": row["head_sha"],
        "pull_requests": _pull_requests(site, store, repo, row["head_sha"]),
        "app": _app(site, store, row["app_id"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def _suite_contents(site: Site, store: Store, repositories: Repositories, repo: Row, row: Row) -> Json:
    found = git.peel(repositories.open(repo["id"]), row["head_sha"])
    address = site.api(f"/repos/{repo['full_name']}/check-suites/{row['id']}/check-runs")
    return {
        "latest_check_runs_count": len(latest(runs_of_suite(store, row["id"]))),
        "check_runs_url": address,
        "head_commit": commits.brief(found) if found is not None else None,
        "rerequestable": True,
        "runs_rerequestable": True,
    }


def run_event(site: Site, store: Store, row: Row) -> Json:
    """Return a check run as events carry it."""
    repo, _ = repository_with_owner(store, row["repository_id"])
    suite_row = store.row("check_suites", row["suite_id"])
    shown = _run(site, store, repo, row) | {"check_suite": _suite(site, store, repo, suite_row)}
    for part in (shown, shown["check_suite"]):
        _as_event(part["app"])
    return shown


def suite_event(site: Site, store: Store, repositories: Repositories, row: Row) -> Json:
    """Return a check suite as events carry it."""
    repo, _ = repository_with_owner(store, row["repository_id"])
    shown = _suite(site, store, repo, row) | _suite_contents(site, store, repositories, repo, row)
    _as_event(shown["app"])
    # The published schema knows these two in one action only.
    return {name: value for name, value in shown.items() if not name.endswith("rerequestable")}


def _as_event(app: Json) -> None:
    # Newer than the published webhook schema.
    app.pop("client_id")


def write_run(store: Store, suite_id: int, columns: dict[str, Any], annotated: list[dict[str, Any]]) -> Row:
    """Make a check run with its first annotations."""
    with store.transaction():
        made = store.insert("check_runs", suite_id=suite_id, **columns)
        _append(store, made, annotated)
        _touch(store, suite_id)
    return _existing(store, made)


def change_run(store: Store, row: Row, columns: dict[str, Any], annotated: list[dict[str, Any]]) -> Row:
    """Change columns of a check run, and append annotations."""
    with store.transaction():
        for column, value in columns.items():
            sql = f"UPDATE check_runs SET {column} = ? WHERE id = ?"  # noqa: S608 - columns are ours
            store.write(sql, value, row["id"])
        _append(store, row["id"], annotated)
        _touch(store, row["suite_id"])
    return _existing(store, row["id"])


def _existing(store: Store, run_id: int) -> Row:
    found = run(store, run_id)
    if found is None:
        raise LookupError(f"there is no check run {run_id}")
    return found


def _append(store: Store, run_id: int, annotated: list[dict[str, Any]]) -> None:
    for one in annotated:
        store.insert("check_annotations", run_id=run_id, **one)


def _touch(store: Store, suite_id: int) -> None:
    store.write("UPDATE check_suites SET rerequested = 0, updated_at = ? WHERE id = ?", now(), suite_id)


def rerequest(store: Store, suite_id: int) -> None:
    """Reset a suite to queued until its App says something new."""
    store.write("UPDATE check_suites SET rerequested = 1, updated_at = ? WHERE id = ?", now(), suite_id)


def buttons(row: Row) -> list[dict[str, str]]:
    """Return the actions that a run offers to people."""
    found: list[dict[str, str]] = json.loads(row["actions"])
    return found
