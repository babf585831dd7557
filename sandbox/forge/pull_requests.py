# SPDX-License-Identifier: Apache-2.0
"""What happens to a pull request: opened, renamed, retargeted, closed, reopened, merged; and Apps hear."""

from __future__ import annotations

from typing import Any

from sandbox.forge import conversations, git, issues, protection, pull_branches, pulls, telling
from sandbox.forge.errors import ApiError
from sandbox.forge.issues import Actor
from sandbox.forge.state import forge
from sandbox.forge.store import Row, now


def refusal(message: str, *, field: str | None = None, code: str = "custom") -> ApiError:
    """Refuse what is asked of a pull request, in GitHub's shape."""
    error = {"resource": "PullRequest", "code": code, "message": message}
    return ApiError(422, "Validation Failed", errors=[error | ({"field": field} if field else {})])


def open_pull(
    repo: Row,
    head_repo: Row,
    *,
    head: str,
    base: str,
    title: str,
    body: str | None,
    actor: Actor,
    draft: bool = False,
    maintainer_can_modify: bool = False,
) -> Row:
    """Open a pull request from a branch, of this repository or a fork, into another; Apps hear of it."""
    state = forge()
    with state.repositories.lock(repo["id"]):
        head_tip, base_tip = pull_branches.tip(head_repo["id"], head), pull_branches.tip(repo["id"], base)
        for field, found in (("head", head_tip), ("base", base_tip)):
            if found is None:
                raise ApiError(422, "Validation Failed", errors=[_invalid(field)])
        _check_new(repo["id"], head_repo, head, base)
        pull_branches.bring(repo["id"], head_repo["id"], head)
        if not pull_branches.commits_between(repo["id"], str(base_tip), str(head_tip)):
            raise refusal(f"No commits between {base} and {head}")
        with state.store.transaction():
            issue_id = issues.create(state.store, repo["id"], actor, title=title, body=body)
            pull_id = state.store.insert(
                "pulls", issue_id=issue_id, base_ref=base, base_sha=base_tip, root_sha=base_tip,
                head_repository_id=head_repo["id"], head_ref=head, head_sha=head_tip, draft=draft,
                maintainer_can_modify=maintainer_can_modify,
            )  # fmt: skip
        pull_branches.take_head(pull_id, str(head_tip))
        shas = pulls.commit_ids(state.store, pull_id)
        issues.note(state.store, issue_id, "opened", actor.id, commits=shas)
    telling.pull_request("opened", pull_id, sender=actor.account)
    return pulls.existing_pull(state.store, pull_id)


def _invalid(field: str) -> dict[str, str]:
    return {"resource": "PullRequest", "field": field, "code": "invalid"}


def _check_new(repository_id: int, head_repo: Row, head: str, base: str, *, but: int = 0) -> None:
    for other in pulls.open_from(forge().store, head_repo["id"], head):
        if (other["repository_id"], other["base_ref"]) == (repository_id, base) and other["id"] != but:
            raise refusal(f"A pull request already exists for {head_repo['owner_login']}:{head}.")


def rename(pull: Row, actor: Actor, *, title: str, body: str | None) -> None:
    """Change a pull request's title or text, and tell what it was before."""
    wanted = {"title": title, "body": body}
    changed = {name: value for name, value in wanted.items() if pull[name] != value}
    if not changed:
        return
    issues.change(forge().store, pull["issue_id"], **changed)
    if "title" in changed:
        issues.note(forge().store, pull["issue_id"], "renamed", actor.id, was=pull["title"], now=title)
    before = {name: {"from": pull[name] or ""} for name in changed}
    telling.pull_request("edited", pull["id"], sender=actor.account, changes=before)


def retarget(pull: Row, actor: Actor, base: str, head_repo: Row) -> None:
    """Let a pull request go to another branch."""
    state = forge()
    with state.repositories.lock(pull["repository_id"]):
        base_tip = pull_branches.tip(pull["repository_id"], base)
        if base_tip is None:
            raise refusal(f"Proposed base branch '{base}' was not found", field="base", code="invalid")
        _check_new(pull["repository_id"], head_repo, pull["head_ref"], base, but=pull["id"])
        opened = state.repositories.open(pull["repository_id"])
        if git.contains(opened, base_tip, pull["head_sha"]):
            message = f"There are no new commits between base branch '{base}' and head branch"
            raise refusal(f"{message} '{pull['head_ref']}'", field="base", code="invalid")
        pulls.change(state.store, pull["id"], base_ref=base)
        pull_branches.take_head(pull["id"], pull["head_sha"])
        issues.change(state.store, pull["issue_id"])
        issues.note(state.store, pull["issue_id"], "retargeted", actor.id, was=pull["base_ref"], now=base)
    before = {"base": {"ref": {"from": pull["base_ref"]}, "sha": {"from": pull["base_sha"]}}}
    telling.pull_request("edited", pull["id"], sender=actor.account, changes=before)


def synchronize(pull: Row, actor: Actor, head: str, *, hold: bool) -> None:
    """Follow a push to the head's branch."""
    store = forge().store
    known = set(pulls.commit_ids(store, pull["id"]))
    pull_branches.take_head(pull["id"], head)
    shas = pulls.commit_ids(store, pull["id"])
    issues.change(store, pull["issue_id"])
    issues.note(
        store, pull["issue_id"], "pushed", actor.id, was=pull["head_sha"], now=head,
        commits=[sha for sha in shas if sha not in known], forced=not known <= set(shas),
    )  # fmt: skip
    moved = {"before": pull["head_sha"], "after": head}
    telling.pull_request("synchronize", pull["id"], sender=actor.account, hold=hold, **moved)
    _dismiss_stale(pulls.existing_pull(store, pull["id"]), actor)
    if not shas:
        close(pulls.existing_pull(store, pull["id"]), actor, hold=hold)


def _dismiss_stale(pull: Row, actor: Actor) -> None:
    """Dismiss approvals of what the head was before, where the base's protection wants it."""
    protected = protection.of_branch(forge().store, pull["repository_id"], pull["base_ref"])
    if any(row["dismiss_stale"] for row in protected):
        for review in pulls.reviews(forge().store, pull["id"]):
            if review["state"] == "APPROVED":
                conversations.dismiss_review(pull, review, actor, "The head has moved on.")


def close(pull: Row, actor: Actor, *, hold: bool = False) -> None:
    """Close a pull request without merging it."""
    close_issue(pull["issue_id"], actor, "closed")
    pull_branches.drop_test_merge(pull)
    telling.pull_request("closed", pull["id"], sender=actor.account, hold=hold)


def close_issue(issue_id: int, actor: Actor, event: str, **detail: Any) -> None:
    """Record that an issue is closed, and by what."""
    columns = {"state": "closed", "closed_at": now(), "closed_by_id": actor.id}
    issues.change(forge().store, issue_id, **columns)
    issues.note(forge().store, issue_id, event, actor.id, **detail)


def reopen(pull: Row, actor: Actor, head_repo: Row) -> None:
    """Open a closed pull request again, where its head is now."""
    state = forge()
    with state.repositories.lock(pull["repository_id"]):
        head = _head_to_reopen(pull, head_repo)
        issues.change(state.store, pull["issue_id"], state="open", closed_at=None, closed_by_id=None)
        pull_branches.take_head(pull["id"], head)
        issues.note(state.store, pull["issue_id"], "reopened", actor.id)
    telling.pull_request("reopened", pull["id"], sender=actor.account)


def _head_to_reopen(pull: Row, head_repo: Row) -> str:
    def cannot(why: str) -> ApiError:
        return refusal(f"state cannot be changed. {why}", field="state", code="invalid")

    branch, opened = pull["head_ref"], forge().repositories.open(head_repo["id"])
    head, base = (
        pull_branches.tip(head_repo["id"], branch),
        pull_branches.tip(pull["repository_id"], pull["base_ref"]),
    )
    if pull["merged_at"]:
        raise cannot("The pull request cannot be reopened.")
    for name, found in ((branch, head), (pull["base_ref"], base)):
        if found is None:
            raise cannot(f"The {name} branch has been deleted.")
    if head is None or not git.contains(opened, head, pull["head_sha"]):
        raise cannot(f"The {branch} branch was force-pushed or recreated.")
    _check_new(pull["repository_id"], head_repo, branch, pull["base_ref"])
    return head


def record_merge(pull: Row, actor: Actor, sha: str, *, base_sha: str) -> None:
    """Record that a pull request was merged with the commit `sha`; `closed` is told by the caller."""
    store = forge().store
    merged = {"merge_commit_sha": sha, "merged_at": now(), "merged_by_id": actor.id, "base_sha": base_sha}
    with store.transaction():
        pulls.change(store, pull["id"], mergeable=None, **merged)
        close_issue(pull["issue_id"], actor, "merged", sha=sha, base=pull["base_ref"])
    pull_branches.drop_test_merge(pull)
