# SPDX-License-Identifier: Apache-2.0
"""GitHub's JSON for pull requests and reviews.

`webhook` makes the repositories within as webhooks show them.
"""

from __future__ import annotations

from sandbox.forge import issues, pulls, shapes
from sandbox.forge.commits import repository_with_owner
from sandbox.forge.issue_shapes import association, label, user
from sandbox.forge.shapes import Json, Site
from sandbox.forge.store import Row, Store


def simple_pull(store: Store, site: Site, repo: Row, row: Row, *, webhook: bool = False) -> Json:
    """Return a pull request as lists and reviews show it."""
    number = row["number"]
    api, page = site.api(f"/repos/{repo['full_name']}"), site.web(f"/{repo['full_name']}/pull/{number}")
    url = f"{api}/pulls/{number}"
    links = {
        "self": url,
        "html": page,
        "issue": f"{api}/issues/{number}",
        "comments": f"{api}/issues/{number}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": f"{api}/pulls/comments{{/number}}",
        "commits": f"{url}/commits",
        "statuses": f"{api}/statuses/{row['head_sha']}",
    }
    named = ("issue", "comments", "review_comments", "review_comment", "commits", "statuses")
    return {
        "url": url,
        "id": row["id"],
        "node_id": shapes.node_id("PullRequest", row["id"]),
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        **{f"{name}_url": links[name] for name in named},
        "number": number,
        "state": row["state"],
        "locked": False,
        "title": row["title"],
        "user": user(store, site, row["user_id"]),
        "body": row["body"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "closed_at": row["closed_at"],
        "merged_at": row["merged_at"],
        "merge_commit_sha": row["merge_commit_sha"],
        "assignee": None,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "labels": [label(site, repo, entry) for entry in issues.labels(store, row["issue_id"])],
        "milestone": None,
        "draft": bool(row["draft"]),
        "head": _branch(
            store, site, row["head_repository_id"], row["head_ref"], row["head_sha"], webhook=webhook
        ),
        "base": _branch(store, site, repo["id"], row["base_ref"], row["base_sha"], webhook=webhook),
        "_links": {name: {"href": address} for name, address in links.items()},
        "author_association": association(store, repo, row["user_id"]),
        "auto_merge": None,
        "active_lock_reason": None,
    }


def _branch(store: Store, site: Site, repository_id: int, ref: str, sha: str, *, webhook: bool) -> Json:
    repo, owner = repository_with_owner(store, repository_id)
    shape = shapes.webhook_repository if webhook else shapes.repository
    return {
        "label": f"{owner['login']}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": shapes.account(site, owner),
        "repo": shape(site, repo, owner),
    }


def pull(
    store: Store, site: Site, repo: Row, row: Row, *, mergeable_state: str = "unknown", webhook: bool = False
) -> Json:
    """Return a whole pull request; while its state is `unknown` it is not said whether it can be merged."""
    known = mergeable_state != "unknown"
    mergeable = bool(row["mergeable"]) if known else None
    comments = "SELECT count(*) FROM comments WHERE issue_id = ?"
    return simple_pull(store, site, repo, row, webhook=webhook) | {
        "merged": row["merged_at"] is not None,
        "mergeable": mergeable,
        "rebaseable": mergeable,
        "mergeable_state": mergeable_state,
        "merged_by": user(store, site, row["merged_by_id"]),
        "comments": store.count(comments, row["issue_id"]),
        "review_comments": 0,
        "maintainer_can_modify": bool(row["maintainer_can_modify"]),
        "commits": len(pulls.commit_ids(store, row["id"])),
        **{name: row[name] for name in ("additions", "deletions", "changed_files")},
    }


def review(store: Store, site: Site, repo: Row, pull_row: Row, row: Row, *, webhook: bool = False) -> Json:
    """Return a review; the API writes its state in capitals, webhooks do not."""
    page = site.web(f"/{repo['full_name']}/pull/{pull_row['number']}")
    url = site.api(f"/repos/{repo['full_name']}/pulls/{pull_row['number']}")
    html = f"{page}#pullrequestreview-{row['id']}"
    body: Json = {
        "id": row["id"],
        "node_id": shapes.node_id("PullRequestReview", row["id"]),
        "user": user(store, site, row["user_id"]),
        "body": row["body"],
        "commit_id": row["commit_id"],
        "state": row["state"].lower() if webhook else row["state"],
        "html_url": html,
        "pull_request_url": url,
        "author_association": association(store, repo, row["user_id"]),
        "_links": {"html": {"href": html}, "pull_request": {"href": url}},
    }
    return body | ({"submitted_at": row["submitted_at"]} if row["submitted_at"] else {})
