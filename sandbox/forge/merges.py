# SPDX-License-Identifier: Apache-2.0
"""The merge button: checks, the three methods, and the messages GitHub writes."""

from __future__ import annotations

import pygit2

from sandbox.forge import accounts, merge_gates, merging, pull_branches, pull_requests, pulls, telling
from sandbox.forge.accounts import LEVELS
from sandbox.forge.errors import ApiError
from sandbox.forge.git import Identity
from sandbox.forge.issues import Actor
from sandbox.forge.state import forge
from sandbox.forge.store import Row
from sandbox.forge.writes import vouch, writing

METHODS = ("merge", "squash", "rebase")


def merge_pull(
    pull: Row,
    actor: Actor,
    *,
    method: str = "merge",
    title: str | None = None,
    message: str | None = None,
    sha: str | None = None,
) -> str:
    """Merge a pull request and return the commit that its base then points to; Apps hear of both.

    With `sha` only if that is its head. Raises ApiError as GitHub refuses: 405 for what cannot be merged,
    409 when the head is another one.
    """
    store = forge().store
    repo = accounts.existing_repository(store, pull["repository_id"])
    with writing(repo, actor, "pr_merge") as opened:
        pull = pulls.existing_pull(store, pull["id"])
        base = _check(pull, sha, level=_level(actor, repo))
        made = _make(opened, repo, pull, base, actor, method=method, title=title, message=message)
        opened.references.create(f"refs/heads/{pull['base_ref']}", made, force=True)
        pull_requests.record_merge(pull, actor, made, base_sha=base)
    telling.pull_request("closed", pull["id"], sender=actor.account)
    return made


def _level(actor: Actor, repo: Row) -> int:
    # No permission lets an App pass what binds those who may write.
    return LEVELS["write"] if actor.app_id else accounts.access(forge().store, actor.id, repo)


def _check(pull: Row, sha: str | None, *, level: int) -> str:
    base = pull_branches.tip(pull["repository_id"], pull["base_ref"])
    if pull["state"] == "closed" or base is None:
        raise ApiError(405, "Pull Request is not mergeable")
    if pull["draft"]:
        raise ApiError(405, "Pull Request is still a draft")
    if sha is not None and sha != pull["head_sha"]:
        raise ApiError(409, "Head branch was modified. Review and try the merge again.")
    if why := merge_gates.obstacle(pull, level=level):
        raise ApiError(405, why)
    return base


def _make(
    opened: pygit2.Repository,
    repo: Row,
    pull: Row,
    base: str,
    actor: Actor,
    *,
    method: str,
    title: str | None,
    message: str | None,
) -> str:
    head, who = pull["head_sha"], identity(actor.account)
    if method == "rebase":
        rewritten = merging.rebase(opened, base, pulls.commit_ids(forge().store, pull["id"]), committer=who)
        if not rewritten:
            raise ApiError(405, "This branch can't be rebased")
        pulls.add_rewritten(forge().store, pull["id"], rewritten)
        return rewritten[-1]
    tree = merging.merged_tree(opened, base, head)
    if tree is None:
        raise ApiError(405, "Pull Request is not mergeable")
    parents, default = [base, head], _merge_message(pull)
    if method == "squash":
        author = forge().store.row("accounts", pull["user_id"])
        parents, default, who = [base], _squash_message(opened, pull), identity(author)
    first = title or default[0]
    rest = default[1] if message is None else message
    made = merging.commit(opened, tree, parents, message=f"{first}\n\n{rest}".strip(), author=who)
    vouch(made)
    return made


def identity(account: Row) -> Identity:
    """Return who an account's commits are by."""
    return Identity(account["name"], account["email"])


def _merge_message(pull: Row) -> tuple[str, str]:
    head_repo = accounts.existing_repository(forge().store, pull["head_repository_id"])
    title = f"Merge pull request #{pull['number']} from {head_repo['owner_login']}/{pull['head_ref']}"
    return title, pull["title"]


def _squash_message(opened: pygit2.Repository, pull: Row) -> tuple[str, str]:
    """Return title and text of a squash: a single commit's own, or the pull request's and a list."""
    found = [opened[sha] for sha in pulls.commit_ids(forge().store, pull["id"])]
    messages = [commit.message.strip() for commit in found]
    if len(messages) == 1:
        title, _, rest = messages[0].partition("\n")
        text = rest.strip()
    else:
        title, text = pull["title"], "\n\n".join(f"* {message}" for message in messages)
    author = forge().store.row("accounts", pull["user_id"])
    others = dict.fromkeys(
        f"Co-authored-by: {commit.author.name} <{commit.author.email}>"
        for commit in found
        if commit.author.email != author["email"]
    )
    return f"{title} (#{pull['number']})", "\n\n".join(part for part in (text, "\n".join(others)) if part)
