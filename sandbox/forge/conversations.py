# SPDX-License-Identifier: Apache-2.0
"""What people and Apps say: comments and reviews, and Apps hear of each."""

from __future__ import annotations

from sandbox.forge import issues, pulls, telling
from sandbox.forge.errors import ApiError
from sandbox.forge.issues import Actor
from sandbox.forge.state import forge
from sandbox.forge.store import Row, now

# What each verdict of a review makes of it.
VERDICTS = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}


def comment(issue: Row, actor: Actor, body: str) -> Row:
    """Write a comment on an issue or pull request."""
    made = issues.add_comment(forge().store, issue["id"], actor, body)
    row = _comment(issue["repository_id"], made)
    telling.comment("created", row, sender=actor.account)
    return row


def edit_comment(row: Row, actor: Actor, body: str) -> Row:
    """Change what a comment says."""
    issues.edit_comment(forge().store, row["id"], body)
    changed = _comment(row["repository_id"], row["id"])
    if body != row["body"]:
        before = {"body": {"from": row["body"]}}
        telling.comment("edited", changed, sender=actor.account, changes=before)
    return changed


def delete_comment(row: Row, actor: Actor) -> None:
    """Delete a comment."""
    telling.comment("deleted", row, sender=actor.account)
    issues.delete_comment(forge().store, row["id"])


def _comment(repository_id: int, comment_id: int) -> Row:
    found = issues.comment(forge().store, repository_id, comment_id)
    if found is None:
        raise LookupError(f"there is no comment {comment_id}")
    return found


def start_review(pull: Row, actor: Actor, *, body: str, commit_id: str) -> Row:
    """Begin a review that nobody else sees until it is submitted."""
    made = forge().store.insert(
        "reviews", pull_id=pull["id"], user_id=actor.id, state="PENDING", body=body, commit_id=commit_id
    )
    return forge().store.row("reviews", made)


def check_verdict(pull: Row, actor: Actor, event: str, body: str) -> None:
    """Raise GitHub's refusal of a verdict that its author may not give, or not without a word."""
    if event not in VERDICTS:
        raise unprocessable(f"Event {event} is not one of {', '.join(VERDICTS)}")
    own = pull["user_id"] == actor.id
    if own and event != "COMMENT":
        what = "approve" if event == "APPROVE" else "request changes on"
        raise unprocessable(f"Can not {what} your own pull request")
    if event != "APPROVE" and not body:
        raise unprocessable("Body can't be blank")


def submit_review(pull: Row, review: Row, actor: Actor, *, event: str, body: str) -> Row:
    """Give a review's verdict, which everybody sees."""
    store = forge().store
    sql = "UPDATE reviews SET state = ?, body = ?, submitted_at = ? WHERE id = ?"
    with store.transaction():
        store.write(sql, VERDICTS[event], body, now(), review["id"])
        issues.note(store, pull["issue_id"], "reviewed", actor.id, subject_id=review["id"])
        issues.change(store, pull["issue_id"])
    telling.review("submitted", pulls.existing_pull(store, pull["id"]), review["id"], sender=actor.account)
    return store.row("reviews", review["id"])


def dismiss_review(pull: Row, review: Row, actor: Actor, message: str) -> Row:
    """Take a verdict's force away; its text stays."""
    if review["state"] not in ("APPROVED", "CHANGES_REQUESTED"):
        raise unprocessable(f"Can not dismiss a {review['state'].lower()} pull request review")
    store = forge().store
    with store.transaction():
        store.write("UPDATE reviews SET state = 'DISMISSED' WHERE id = ?", review["id"])
        issues.note(store, pull["issue_id"], "dismissed", actor.id, subject_id=review["id"], reason=message)
    telling.review("dismissed", pull, review["id"], sender=actor.account)
    return store.row("reviews", review["id"])


def unprocessable(message: str) -> ApiError:
    """Refuse a review; here GitHub's errors are plain texts."""
    return ApiError(422, "Unprocessable Entity", errors=[message])
