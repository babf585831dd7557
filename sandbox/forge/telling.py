# SPDX-License-Identifier: Apache-2.0
"""Tell Apps of pull requests, reviews and comments, with GitHub's payloads."""

from __future__ import annotations

from sandbox.forge import accounts, issue_shapes, issues, pull_shapes, pulls
from sandbox.forge.shapes import Json
from sandbox.forge.state import forge
from sandbox.forge.store import Row


def pull_request(action: str, pull_id: int, *, sender: Row, hold: bool = False, **more: object) -> None:
    """Tell that a pull request was opened, synchronized, edited, closed, reopened or labelled."""
    state = forge()
    pull = pulls.existing_pull(state.store, pull_id)
    repo = accounts.existing_repository(state.store, pull["repository_id"])
    shown = pull_shapes.pull(state.store, state.site, repo, pull, webhook=True)
    payload = {"action": action, "number": pull["number"], **more, "pull_request": shown}
    state.events.tell(repo["id"], "pull_request", payload, sender=sender, needs=("pull_requests",), hold=hold)


def review(action: str, pull: Row, review_id: int, *, sender: Row) -> None:
    """Tell that a review was submitted or dismissed."""
    state = forge()
    repo = accounts.existing_repository(state.store, pull["repository_id"])
    row = state.store.row("reviews", review_id)
    payload = {
        "action": action,
        "review": pull_shapes.review(state.store, state.site, repo, pull, row, webhook=True),
        "pull_request": pull_shapes.simple_pull(state.store, state.site, repo, pull, webhook=True),
    }
    state.events.tell(repo["id"], "pull_request_review", payload, sender=sender, needs=("pull_requests",))


def comment(action: str, row: Row, *, sender: Row, **more: object) -> None:
    """Tell that a comment was created, edited or deleted; `row` is the comment as it is, or was last."""
    state = forge()
    repo = accounts.existing_repository(state.store, row["repository_id"])
    issue = issues.existing_issue(state.store, row["issue_id"])
    payload: Json = {
        "action": action,
        **more,
        "issue": issue_shapes.issue(state.store, state.site, repo, issue, webhook=True),
        "comment": issue_shapes.comment(state.store, state.site, repo, row, webhook=True),
    }
    needs = ("issues", "pull_requests") if issue["pull_id"] else ("issues",)
    state.events.tell(repo["id"], "issue_comment", payload, sender=sender, needs=needs)
