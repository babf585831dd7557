# SPDX-License-Identifier: Apache-2.0
"""Look at a pull request of ours as policies.merging decides on it, everything as it is at this moment."""

from __future__ import annotations

from collections.abc import Iterable

from policies import merging, rollback
from policies.budget import Urgency
from policies.github.urls import repository_of
from policies.images import automerge, commit_message, declined, grouping
from policies.images import record as records
from policies.images.automation import checkout_of, destination
from policies.kinds import ImageUpdateAutomation
from policies.objects import ObjectRef
from policies.orders.locks import Hold, Lock
from policies.orders.people import Role
from policies.tenancy import Write
from workers.bindings import write_of
from workers.configuration import narrowed_of
from workers.context import Context
from workers.github import GitHub, PullCommit, PullRequest
from workers.images.place import place_of
from workers.images.readers import Readers
from workers.reconcile import sources
from workers.standing import standing_of

_KIND = ImageUpdateAutomation.definition.names


def proposal_of(
    context: Context, github: GitHub, repository: str, pull: PullRequest
) -> merging.Proposal | None:
    """Return what decides on a pull request of `owner/name`; None for one that is no rollback and no image's.

    Raises FairwayError.
    """
    if (undone := rollback.undone(pull.head_ref)) is not None:
        # What was rejected in all environments at once is merged by people.
        return _of_rollback(context, github, repository, pull, *undone) if undone[0] else None
    if (automation := grouping.automation_of(pull.head_ref)) is not None:
        return _of_images(context, github, repository, pull, automation)
    return None


def _of_rollback(
    context: Context, github: GitHub, repository: str, pull: PullRequest, environment: str, number: int
) -> merging.Proposal:
    repository_id = pull.base_repository_id
    narrowed = narrowed_of(context, repository, repository_id=repository_id, fresh=True)
    where = narrowed.tenant.environment(environment)
    write = narrowed.tenant.write_in(where) if where and not narrowed.unreadable else Write.NONE
    if write < Write.MERGE:
        return merging.Proposal(write, False, pull.merge_state, False, Role.NONE)
    commits = github.pulls.commits(repository, pull.number)
    return merging.Proposal(
        write=write,
        required_checks=bool(github.repositories.required_checks(repository, pull.base_ref)),
        state=pull.merge_state,
        ours=len(commits) == pull.commits and all(one.ours for one in commits),
        orderer=_orderer(github, repository, commits),
        stopped_by=_stopped(context, repository_id, [environment], [pull.number, number]),
    )


def _of_images(
    context: Context, github: GitHub, repository: str, pull: PullRequest, automation: tuple[str, str]
) -> merging.Proposal:
    """Look at what the automation may do; the rule is the default branch's, in the place of an orderer."""
    repository_id = pull.base_repository_id
    narrowed = narrowed_of(context, repository, repository_id=repository_id, fresh=True)
    obj = context.cluster.find(ObjectRef(*_KIND, *automation))
    spec = ImageUpdateAutomation.read(obj) if obj else None
    source = sources.find(context.cluster, "GitRepository", *spec.source_key) if spec else None
    url = str(((source or {}).get("spec") or {}).get("url") or "")
    found = repository_of(url, context.settings.github_url)
    if obj is None or spec is None or found is None or "/".join(found) != repository.lower():
        return _left(pull, "the automation that opened it is not there any more")
    place = None if narrowed.unreadable else place_of(context, obj, url)
    if place is None or spec.spec.suspend:
        return _left(pull, "the automation that opened it proposes nothing now")
    if pull.base_ref != (to := destination(spec, checkout_of(spec, (source or {}).get("spec") or {})).branch):
        return _left(pull, f"its automation writes to {to}, and it goes to {pull.base_ref}")
    write = write_of(context, repository, {automation[0], spec.source_key[0]})
    if write < Write.MERGE:
        return merging.Proposal(write, False, pull.merge_state, False, None)
    commits = github.pulls.commits(repository, pull.number)
    ours = len(commits) == pull.commits == 1 and commits[0].ours
    files = github.pulls.changed_files(repository, pull.number)
    read = Readers(context, place, pull.base_ref).possible_environments(files)
    # The commit says it, which GitHub has signed; the pull request's text anybody may edit.
    step = commit_message.step_of(commits[0].message) if ours else None
    return merging.Proposal(
        write=write,
        required_checks=bool(github.repositories.required_checks(repository, pull.base_ref)),
        state=pull.merge_state,
        ours=ours,
        orderer=None,
        stopped_by=_stopped(context, repository_id, read, [pull.number]),
        unruled=automerge.unruled(step, place.settings.auto_merge) or _unwanted(github, repository, pull),
    )


def _unwanted(github: GitHub, repository: str, pull: PullRequest) -> str:
    """Say what the base has against it; a closed one that declines it is found by the automation's run."""
    file = github.git_data.read(repository, declined.NAME, pull.base_ref)
    reading = declined.read(file) if file is not None else declined.ABSENT
    record = records.read(pull.body)
    return automerge.unwanted(record.images if record else {}, reading.entries)


def _left(pull: PullRequest, why: str) -> merging.Proposal:
    return merging.Proposal(Write.MERGE, True, pull.merge_state, True, None, unruled=why)


def _stopped(
    context: Context, repository_id: int, environments: Iterable[str], numbers: Iterable[int]
) -> Lock | Hold | None:
    """Return the lock of one of the environments, or the hold on one of the pull requests."""
    stands = standing_of(context, repository_id)
    locks = (stands.lock(repository_id, name) for name in environments)
    holds = (stands.hold(repository_id, number) for number in numbers)
    return next((one for one in (*locks, *holds) if one), None)


def _orderer(github: GitHub, repository: str, commits: list[PullCommit]) -> Role:
    """Return the role, at this moment, of whoever ordered the first commit of ours."""
    found = next(
        (number for one in commits if one.ours and (number := rollback.ordered_by(one.message))), None
    )
    login = github.people.login_of(repository, found, urgency=Urgency.FINAL) if found else ""
    if not found or not login:
        return Role.NONE
    return Role.named(github.people.role(repository, login, found, urgency=Urgency.FINAL))
