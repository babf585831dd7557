# SPDX-License-Identifier: Apache-2.0
"""A branch's merge queue: each entry is merged on a branch of its own, checked, and then becomes the base.

An entry stands on the one before it. When a required check fails, the entry leaves the queue and those
behind it are built anew without it.
"""

from __future__ import annotations

import time

import pygit2

from sandbox.forge import commits, git, protection
from sandbox.forge.accounts import Refused
from sandbox.forge.smarthttp import pushed
from sandbox.forge.state import forge
from sandbox.forge.store import Row


def entries(repo: Row, base: str) -> list[Row]:
    """List what waits to be merged into a branch, the first one first."""
    return forge().store.all(
        "SELECT * FROM merge_queue_entries WHERE repository_id = ? AND base = ? ORDER BY id", repo["id"], base
    )


def enqueue(repo: Row, *, base: str, number: int, pull_sha: str, sender: Row) -> str:
    """Put a pull request's head into the queue of a branch, ask for checks, and return the group's commit."""
    with forge().repositories.lock(repo["id"]):
        entry = _build(repo, base, number, pull_sha, sender)
    settle(repo, entry["head_sha"])
    return str(entry["head_sha"])


def _build(repo: Row, base: str, number: int, pull_sha: str, sender: Row) -> Row:
    state = forge()
    before = state.repositories.refs(repo["id"])
    if f"refs/heads/{base}" not in before:
        raise Refused(f"there is no branch {base}")
    waiting = entries(repo, base)
    base_sha = waiting[-1]["head_sha"] if waiting else before[f"refs/heads/{base}"]
    ref = f"refs/heads/gh-readonly-queue/{base}/pr-{number}-{base_sha}"
    opened = state.repositories.open(repo["id"])
    head_sha = _merge(opened, base_sha, pull_sha, f"Merge pull request #{number}")
    opened.references.create(ref, head_sha, force=True)
    made = state.store.insert(
        "merge_queue_entries", repository_id=repo["id"], base=base, number=number, pull_sha=pull_sha,
        base_sha=base_sha, head_sha=head_sha, head_ref=ref, sender_id=sender["id"],
    )  # fmt: skip
    pushed(repo, before, before | {ref: head_sha}, pusher=sender)
    entry = state.store.row("merge_queue_entries", made)
    _tell("checks_requested", repo, entry)
    return entry


def _merge(opened: pygit2.Repository, base_sha: str, pull_sha: str, message: str) -> str:
    base, head = git.peel(opened, base_sha), git.peel(opened, pull_sha)
    if base is None or head is None:
        raise Refused(f"there is no commit {pull_sha}")
    merged = opened.merge_commits(base, head)
    if merged.conflicts is not None:
        raise Refused(f"{pull_sha} conflicts with {base_sha}")
    signature = pygit2.Signature("GitHub", "noreply@forge.test", int(time.time()), 0)
    tree, parents = merged.write_tree(opened), [base.id, head.id]
    return str(opened.create_commit(None, signature, signature, message, tree, parents))


def _tell(action: str, repo: Row, entry: Row, *, reason: str = "") -> None:
    state = forge()
    found = git.peel(state.repositories.open(repo["id"]), entry["head_sha"])
    group = {name: entry[name] for name in ("head_sha", "head_ref", "base_sha")}
    group |= {"base_ref": f"refs/heads/{entry['base']}", "head_commit": found and commits.brief(found)}
    body = {"action": action, "merge_group": group} | ({"reason": reason} if reason else {})
    sender = state.store.row("accounts", entry["sender_id"])
    state.events.tell(repo["id"], "merge_group", body, sender=sender, needs=["merge_queues"])


def settle(repo: Row, sha: str) -> None:
    """Merge or drop the queue's entries as far as the checks of their commits say so; `sha` got a new one."""
    with forge().repositories.lock(repo["id"]):
        found = forge().store.one(
            "SELECT base FROM merge_queue_entries WHERE repository_id = ? AND head_sha = ?", repo["id"], sha
        )
        while found is not None and (waiting := entries(repo, found["base"])):
            verdict = _verdict(repo, waiting[0])
            if verdict == "pending":
                return
            if verdict == "success":
                _merged(repo, waiting[0])
            else:
                _dropped(repo, waiting)


def _verdict(repo: Row, entry: Row) -> str:
    store = forge().store
    required = protection.required_checks(protection.of_branch(store, repo["id"], entry["base"]))
    states = {
        protection.state_of_check(store, repo, entry["head_sha"], context, app_id)
        for context, app_id in required.items()
    }
    if "failure" in states:
        return "failure"
    return "pending" if states - {"success"} else "success"


def _merged(repo: Row, entry: Row) -> None:
    _leave(repo, entry, moved={f"refs/heads/{entry['base']}": entry["head_sha"]})
    _tell("destroyed", repo, entry, reason="merged")


def _dropped(repo: Row, waiting: list[Row]) -> None:
    for entry in waiting:
        _leave(repo, entry, moved={})
        _tell("destroyed", repo, entry, reason="invalidated")
    for entry in waiting[1:]:
        sender = forge().store.row("accounts", entry["sender_id"])
        _build(repo, entry["base"], entry["number"], entry["pull_sha"], sender)


def _leave(repo: Row, entry: Row, *, moved: dict[str, str]) -> None:
    state = forge()
    before = state.repositories.refs(repo["id"])
    opened = state.repositories.open(repo["id"])
    for ref, sha in moved.items():
        opened.references.create(ref, sha, force=True)
    if entry["head_ref"] in before:
        opened.references.delete(entry["head_ref"])
    state.store.write("DELETE FROM merge_queue_entries WHERE id = ?", entry["id"])
    sender = state.store.row("accounts", entry["sender_id"])
    pushed(repo, before, state.repositories.refs(repo["id"]), pusher=sender, by="merge_queue_merge")
