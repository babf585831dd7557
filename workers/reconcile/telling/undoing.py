# SPDX-License-Identifier: Apache-2.0
"""Whether a merged pull request was rolled back since: GitHub has the rollback's branch to tell by.

A rollback that is merged has the pull request looked at that it takes back, and so on: what was rolled back
and came again by the rollback of that is there again.
"""

from __future__ import annotations

from collections.abc import Iterable

from policies import rollback
from policies.pull_request import Undone
from workers.context import Context
from workers.github import GitHub, PullRequest
from workers.workqueue import Key, Queue

_REMEMBER = 7 * 24 * 3600  # seconds
_DEEPEST = 5  # rollbacks of rollbacks


def undone(
    github: GitHub, repository: str, pull: PullRequest, environments: Iterable[str]
) -> tuple[Undone, ...]:
    """Return the rollbacks that took a pull request back and stand; raises GitHubError."""
    found = ((name, _standing(github, repository, pull, name)) for name in environments)
    return tuple(Undone(name, one.number, one.url) for name, one in found if one is not None)


def pass_on(context: Context, repository: str, pull: PullRequest, *, stands: bool) -> None:
    """Have what a merged rollback takes back be looked at, unless it was since this changed last."""
    takes_back = rollback.undone(pull.head_ref)
    if takes_back is None or pull.from_fork:
        return
    number, news = takes_back[1], f"{pull.number}:{stands}"
    before = context.redis.set(_key(repository, number), news, ex=_REMEMBER, get=True)
    if before != news.encode():
        owner, _, name = repository.partition("/")
        context.queue.add(Key("PullRequest", owner, f"{name}:{number}"), Queue.PUSH)


def is_concerned(context: Context, repository: str, number: int) -> bool:
    """Tell whether a rollback of a pull request was merged, as far as it is remembered."""
    return bool(context.redis.exists(_key(repository, number)))


def _standing(github: GitHub, repository: str, pull: PullRequest, environment: str) -> PullRequest | None:
    """Return the rollback of a pull request, unless it was taken back itself."""
    number, chain = pull.number, list[PullRequest]()
    while len(chain) < _DEEPEST:
        found = github.pulls.merged_from(repository, rollback.branch(environment, number), pull.base_ref)
        if found is None:
            break
        chain.append(found)
        number = found.number
    return chain[0] if len(chain) % 2 else None


def _key(repository: str, number: int) -> str:
    return f"fairway:undone:{repository}:{number}"
