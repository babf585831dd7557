# SPDX-License-Identifier: Apache-2.0
"""GitHub's JSON for issues, comments, labels and reactions.

`webhook` leaves out what the API has and the published webhook schema does not know.
"""

from __future__ import annotations

from sandbox.forge import issues, shapes, teams
from sandbox.forge.shapes import Json, Site
from sandbox.forge.store import Row, Store


def association(store: Store, repo: Row, account_id: int) -> str:
    """Return how an account stands to a repository, as `author_association` says it."""
    if account_id == repo["owner_id"]:
        return "OWNER"
    if teams.organization_member(store, repo["owner_id"], account_id):
        return "MEMBER"
    invited = "SELECT 1 FROM collaborators WHERE repository_id = ? AND account_id = ?"
    if store.one(invited, repo["id"], account_id):
        return "COLLABORATOR"
    merged = (
        "SELECT 1 FROM pulls p JOIN issues i ON i.id = p.issue_id"
        " WHERE i.repository_id = ? AND i.user_id = ? AND p.merged_at IS NOT NULL"
    )
    return "CONTRIBUTOR" if store.one(merged, repo["id"], account_id) else "NONE"


def user(store: Store, site: Site, account_id: int | None) -> Json | None:
    """Return a simple user by id; None stays None."""
    return None if account_id is None else shapes.account(site, store.row("accounts", account_id))


def through_app(store: Store, site: Site, app_id: int | None, *, webhook: bool = False) -> Json | None:
    """Return the App through which something was written, or None."""
    if app_id is None:
        return None
    app = store.row("apps", app_id)
    body = shapes.app(site, app, store.row("accounts", app["owner_id"]))
    return {name: value for name, value in body.items() if not (webhook and name == "client_id")}


def issue(store: Store, site: Site, repo: Row, row: Row, *, webhook: bool = False) -> Json:
    """Return an issue, or the issue that a pull request is."""
    number = row["number"]
    api, page = site.api(f"/repos/{repo['full_name']}"), site.web(f"/{repo['full_name']}")
    url = f"{api}/issues/{number}"
    count = "SELECT count(*) FROM comments WHERE issue_id = ?"
    body: Json = {
        "url": url,
        "repository_url": api,
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "timeline_url": f"{url}/timeline",
        "html_url": f"{page}/{'pull' if row['pull_id'] else 'issues'}/{number}",
        "id": row["id"],
        "node_id": shapes.node_id("Issue", row["id"]),
        "number": number,
        "title": row["title"],
        "body": row["body"],
        "user": user(store, site, row["user_id"]),
        "labels": [label(site, repo, entry) for entry in issues.labels(store, row["id"])],
        "state": row["state"],
        "state_reason": row["state_reason"],
        "locked": False,
        "active_lock_reason": None,
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "comments": store.count(count, row["id"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "closed_at": row["closed_at"],
        "author_association": association(store, repo, row["user_id"]),
        "performed_via_github_app": through_app(store, site, row["app_id"], webhook=webhook),
        "reactions": _counts(store, f"{url}/reactions", "issue", row["id"]),
    }
    if row["pull_id"]:
        body["draft"] = bool(row["draft"])
        body["pull_request"] = _branches(f"{api}/pulls/{number}", f"{page}/pull/{number}", row["merged_at"])
    return body if webhook else body | {"closed_by": user(store, site, row["closed_by_id"])}


def _branches(url: str, page: str, merged_at: str | None) -> Json:
    addresses = {"url": url, "html_url": page, "diff_url": f"{page}.diff", "patch_url": f"{page}.patch"}
    return addresses | {"merged_at": merged_at}


def label(site: Site, repo: Row, row: Row) -> Json:
    """Return a label."""
    return {
        "id": row["id"],
        "node_id": shapes.node_id("Label", row["id"]),
        "url": site.api(f"/repos/{repo['full_name']}/labels/{row['name']}").replace(" ", "%20"),
        "name": row["name"],
        "color": row["color"],
        "default": False,
        "description": row["description"],
    }


def comment(store: Store, site: Site, repo: Row, row: Row, *, webhook: bool = False) -> Json:
    """Return a comment on an issue or pull request."""
    api = site.api(f"/repos/{repo['full_name']}/issues")
    is_pull = store.one("SELECT 1 FROM pulls WHERE issue_id = ?", row["issue_id"])
    kind = "pull" if is_pull else "issues"
    page = site.web(f"/{repo['full_name']}/{kind}/{row['number']}")
    url = f"{api}/comments/{row['id']}"
    return {
        "url": url,
        "html_url": f"{page}#issuecomment-{row['id']}",
        "issue_url": f"{api}/{row['number']}",
        "id": row["id"],
        "node_id": shapes.node_id("IssueComment", row["id"]),
        "user": user(store, site, row["user_id"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "body": row["body"],
        "author_association": association(store, repo, row["user_id"]),
        "reactions": _counts(store, f"{url}/reactions", "comment", row["id"]),
        "performed_via_github_app": through_app(store, site, row["app_id"], webhook=webhook),
    }


def _counts(store: Store, url: str, subject: str, subject_id: int) -> Json:
    given = [row["content"] for row in issues.reactions(store, subject, subject_id)]
    counts = {content: given.count(content) for content in issues.REACTIONS}
    return {"url": url, "total_count": len(given)} | counts


def reaction(store: Store, site: Site, row: Row) -> Json:
    """Return a reaction."""
    return {
        "id": row["id"],
        "node_id": shapes.node_id("Reaction", row["id"]),
        "user": user(store, site, row["user_id"]),
        "content": row["content"],
        "created_at": row["created_at"],
    }
