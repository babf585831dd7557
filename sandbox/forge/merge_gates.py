# SPDX-License-Identifier: Apache-2.0
"""What stands between a pull request and its base: reviews, owners and checks that the branch asks for."""

from __future__ import annotations

from dataclasses import dataclass

import pathspec
import pygit2

from sandbox.forge import accounts, checks, commits, git, protection, pull_branches, pulls, teams
from sandbox.forge.accounts import LEVELS
from sandbox.forge.state import forge
from sandbox.forge.store import Row

_OWNERS_FILES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")


@dataclass(frozen=True)
class Verdicts:
    """Whose word counts, each person's newest: accounts that approved, and that want changes."""

    approved: tuple[Row, ...]
    changes_requested: tuple[Row, ...]


def verdicts(pull: Row) -> Verdicts:
    """Return what those said who may write to the repository; a mere comment takes nothing back."""
    store = forge().store
    repo = accounts.existing_repository(store, pull["repository_id"])
    newest: dict[int, str] = {}
    for review in pulls.reviews(store, pull["id"]):
        if review["state"] in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            newest[review["user_id"]] = review["state"]
    counted = {
        store.row("accounts", account_id): state
        for account_id, state in newest.items()
        if accounts.access(store, account_id, repo) >= LEVELS["write"]
    }
    return Verdicts(
        tuple(account for account, state in counted.items() if state == "APPROVED"),
        tuple(account for account, state in counted.items() if state == "CHANGES_REQUESTED"),
    )


def obstacle(pull: Row, *, level: int, whether_behind: bool = True) -> str | None:
    """Return why GitHub would not let somebody with that access merge, in its words, or None.

    Without `whether_behind` it does not matter that the base has moved on.
    """
    state = forge()
    repo = accounts.existing_repository(state.store, pull["repository_id"])
    opened, given = state.repositories.open(repo["id"]), verdicts(pull)
    base = pull_branches.tip(repo["id"], pull["base_ref"]) or pull["base_sha"]
    return protection.why_not_mergeable(
        state.store, repo, pull["base_ref"], pull["head_sha"], level=level, approvals=len(given.approved),
        changes_requested=bool(given.changes_requested),
        code_owner_approved=_owners_approved(opened, repo, pull, base, given.approved),
        up_to_date=not whether_behind or git.contains(opened, pull["head_sha"], base),
    )  # fmt: skip


def mergeable_state(pull: Row) -> tuple[Row, str]:
    """Return a pull request and how mergeable it is, in GitHub's words.

    As on GitHub nobody is told at once: after a branch moved, the first who asks is answered `unknown`, and
    by that has it looked into.
    """
    if pull["state"] == "closed":
        return pull, "unknown"
    if pull["mergeable"] is None:
        return _looked_into(pull), "unknown"
    if not pull["mergeable"]:
        return pull, "dirty"
    if pull["draft"]:
        return pull, "draft"
    if obstacle(pull, level=LEVELS["write"], whether_behind=False):
        return pull, "blocked"
    if obstacle(pull, level=LEVELS["write"]):
        return pull, "behind"
    return pull, "clean" if _settled(pull) else "unstable"


def _looked_into(pull: Row) -> Row:
    """Try the merge, unless somebody has merged it meanwhile: then that commit is the one that counts."""
    store = forge().store
    with forge().repositories.lock(pull["repository_id"]):
        pull = pulls.existing_pull(store, pull["id"])
        if pull["state"] == "open" and pull["mergeable"] is None:
            made = pull_branches.test_merge(pull)
            pulls.change(store, pull["id"], mergeable=made is not None, merge_commit_sha=made)
        return pulls.existing_pull(store, pull["id"])


def _settled(pull: Row) -> bool:
    store, repository_id, sha = forge().store, pull["repository_id"], pull["head_sha"]
    latest = commits.latest_statuses(store, repository_id, sha)
    runs = checks.latest(checks.runs_of_commit(store, repository_id, sha))
    good = not latest or commits.combined_state(latest) == "success"
    return good and all(run["conclusion"] in checks.GOOD for run in runs)


def _owners_approved(
    opened: pygit2.Repository, repo: Row, pull: Row, base: str, approved: tuple[Row, ...]
) -> bool:
    """Say whether every changed file that has owners was approved by one of them."""
    owned = _owners(opened, base)
    if not owned:
        return True
    ids = {account["id"] for account in approved}
    for delta in pull_branches.changes(opened, pull["root_sha"], pull["head_sha"]).deltas:
        # The last line that fits decides, also when it names nobody.
        fitting = [owners for spec, owners in owned if spec.match_file(delta.new_file.path)]
        if fitting and fitting[-1] and not ids & _accounts(repo, fitting[-1]):
            return False
    return True


def _owners(opened: pygit2.Repository, base: str) -> list[tuple[pathspec.GitIgnoreSpec, list[str]]]:
    tree = opened[base].tree
    for path in _OWNERS_FILES:
        if path in tree:
            lines = tree[path].data.decode(errors="replace").splitlines()
            parts = [line.partition("#")[0].split() for line in lines]
            return [(pathspec.GitIgnoreSpec.from_lines([part[0]]), part[1:]) for part in parts if part]
    return []


def _accounts(repo: Row, owners: list[str]) -> set[int]:
    """Return the ids of the people that `@login` and `@organisation/team` name."""
    store, found = forge().store, set()
    for owner in owners:
        login, slash, slug = owner.removeprefix("@").partition("/")
        account = accounts.account(store, login)
        if account is None:
            continue
        if not slash:
            found.add(int(account["id"]))
        elif (team := teams.team(store, account, slug)) is not None:
            found |= {int(row["id"]) for row in teams.members(store, team["id"])}
    return found
