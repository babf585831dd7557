# SPDX-License-Identifier: Apache-2.0
"""Reviews of pull requests."""

from __future__ import annotations

from typing import Any

from sandbox.forge import conversations, git, pull_shapes, pulls
from sandbox.forge.api.blueprint import actor, api, body, caller, paginated
from sandbox.forge.api.pulls import pull_of
from sandbox.forge.errors import not_found
from sandbox.forge.state import forge
from sandbox.forge.store import Row


def _shown(repo: Row, pull: Row, review: Row) -> dict[str, Any]:
    return pull_shapes.review(forge().store, forge().site, repo, pull, review)


def _review(pull: Row, review_id: int) -> Row:
    found = pulls.review(forge().store, pull["id"], review_id)
    if found is None or not _visible(found):
        raise not_found()
    return found


def _visible(review: Row) -> bool:
    return review["state"] != "PENDING" or (caller().key is not None and review["user_id"] == actor().id)


@api.get("/repos/<owner>/<name>/pulls/<int:number>/reviews")
def list_reviews(owner: str, name: str, number: int) -> list[dict[str, Any]]:
    """List the reviews of a pull request, oldest first; one's own also before it is submitted."""
    repo, pull = pull_of(owner, name, number)
    found = [row for row in pulls.reviews(forge().store, pull["id"]) if _visible(row)]
    return [_shown(repo, pull, row) for row in paginated(found)]


@api.post("/repos/<owner>/<name>/pulls/<int:number>/reviews")
def create_review(owner: str, name: str, number: int) -> dict[str, Any]:
    """Review a pull request; without an `event` the review waits until it is submitted."""
    repo, pull = pull_of(owner, name, number, level="write")
    asked = body()
    text, event = asked.get("body") or "", asked.get("event") or None
    if asked.get("comments"):
        raise conversations.unprocessable("This forge takes no comments on lines")
    if event is not None:
        conversations.check_verdict(pull, actor(), event, text)
    review = conversations.start_review(pull, actor(), body=text, commit_id=_commit(repo, pull, asked))
    if event is not None:
        review = conversations.submit_review(pull, review, actor(), event=event, body=text)
    return _shown(repo, pull, review)


def _commit(repo: Row, pull: Row, asked: dict[str, Any]) -> str:
    wanted = asked.get("commit_id") or pull["head_sha"]
    found = git.peel(forge().repositories.open(repo["id"]), wanted)
    if found is None:
        raise conversations.unprocessable("The commit_id is not part of the pull request")
    return str(found.id)


@api.get("/repos/<owner>/<name>/pulls/<int:number>/reviews/<int:review_id>")
def get_review(owner: str, name: str, number: int, review_id: int) -> dict[str, Any]:
    """Show a review."""
    repo, pull = pull_of(owner, name, number)
    return _shown(repo, pull, _review(pull, review_id))


@api.post("/repos/<owner>/<name>/pulls/<int:number>/reviews/<int:review_id>/events")
def submit_review(owner: str, name: str, number: int, review_id: int) -> dict[str, Any]:
    """Submit a review that waited."""
    repo, pull = pull_of(owner, name, number, level="write")
    review, asked = _review(pull, review_id), body()
    if review["state"] != "PENDING":
        raise conversations.unprocessable("Can not submit a review that is not pending")
    event, text = asked.get("event") or "", asked.get("body") or review["body"]
    conversations.check_verdict(pull, actor(), event, text)
    return _shown(repo, pull, conversations.submit_review(pull, review, actor(), event=event, body=text))


@api.put("/repos/<owner>/<name>/pulls/<int:number>/reviews/<int:review_id>/dismissals")
def dismiss_review(owner: str, name: str, number: int, review_id: int) -> dict[str, Any]:
    """Dismiss an approval or a request for changes; a person needs write access for it."""
    repo, pull = pull_of(owner, name, number, level="write")
    caller().require(forge().store, repo, "pull_requests", "write")
    review, message = _review(pull, review_id), body().get("message")
    if not message:
        raise conversations.unprocessable("message can't be blank")
    return _shown(repo, pull, conversations.dismiss_review(pull, review, actor(), message))
