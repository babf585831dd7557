# SPDX-License-Identifier: Apache-2.0
"""Gather what a comment or report holds from what was observed of the cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from types import MappingProxyType

from policies import conditions
from policies.clock import parse
from policies.commit_status import Source, State, short
from policies.drift_mode import DRIFTED
from policies.objects import ObjectRef
from policies.orders.locks import Claim, Hold, Lock, Standing
from policies.orders.registry import Command, Guard, find
from policies.pull_request import rows
from policies.pull_request.coming import coming
from policies.pull_request.content import Content, Mark, Row, Runs, Undone
from policies.pull_request.outcome import Fate, Outcome
from policies.repofile import Narrowed
from policies.tenancy import Environment, Write

MOST_ROWS = 50
_COUNTED = frozenset({"GitRepository", "Kustomization"})
_MOST_DRIFT = _MOST_COMING = _MOST_ENVIRONMENTS = 5


def content(
    outcome: Outcome,
    sources: Sequence[Source],
    *,
    cluster: str,
    sha: str,
    narrowed: Narrowed,
    standing: Standing = Standing(),  # noqa: B008 - it is frozen
    repository_id: int = 0,
    number: int | None = None,
    merged_at: datetime | None = None,
    missing: Mapping[str, str] = MappingProxyType({}),
    undone: Sequence[Undone] = (),
    images: Sequence[Runs] = (),
) -> Content:
    """Return what is to be said of a commit, and of the pull request with that number that brought it.

    `sources` are those that follow the commit's ref, with what of their Kustomizations the repository is
    bound to; `standing` are all locks and holds that there are, `missing` permissions with what needs them.
    `merged_at` is when somebody merged the pull request; None when nobody did, or Fairway itself. `undone`
    are the rollbacks that took it back, `images` where those run that it brought.
    """
    shown = outcome.fate in (Fate.ITSELF, Fate.OVERTAKEN)
    found = rows.of(outcome.sha, sources) if shown else []
    counted = [row for row in found if row.ref.kind in _COUNTED]
    concerned = environments(narrowed, sources) if shown else []
    stops = _stops(standing, concerned, repository_id, number)
    return Content(
        cluster=cluster,
        sha=sha,
        outcome=outcome,
        rows=tuple(found[:MOST_ROWS]),
        left_out=max(0, len(found) - MOST_ROWS),
        total=len(counted),
        done=sum(row.mark is Mark.DONE for row in counted),
        coming=tuple(islice(coming(outcome.sha, sources), _MOST_COMING)) if shown else (),
        drift=tuple(islice(_drift(sources), _MOST_DRIFT)) if shown else (),
        stopped=tuple(one for one in stops if _before(one.claim, merged_at)),
        orders=tuple(_orders(outcome, sha, narrowed, concerned, stops, undone)) if shown and found else (),
        undone=tuple(undone),
        images=tuple(images) if shown else (),
        missing=tuple(sorted(missing.items())),
    )


def environments(narrowed: Narrowed, sources: Iterable[Source]) -> list[Environment]:
    """Return the environments in which some of the Kustomizations are, by name."""
    namespaces = {one.ref.namespace for source in sources for one in source.applied}
    named = (narrowed.tenant.environment(name) for name in narrowed.tenant.environment_names)
    return [one for one in named if one is not None and namespaces & one.namespaces]


def within(environment: Environment, sources: Iterable[Source]) -> list[Source]:
    """Return the sources with only those Kustomizations that are in an environment."""
    return [
        Source(source.obj, [one for one in source.applied if environment.covers(one.ref.namespace)])
        for source in sources
    ]


def _stops(
    standing: Standing, concerned: Sequence[Environment], repository_id: int, number: int | None
) -> tuple[Lock | Hold, ...]:
    """Return what stands where the commit is applied, and for its pull request."""
    locks = (standing.lock(repository_id, environment.name) for environment in concerned)
    hold = standing.hold(repository_id, number) if number else None
    return tuple(one for one in (*locks, hold) if one is not None)


def _before(claim: Claim, merged_at: datetime | None) -> bool:
    """Tell whether a claim stood when somebody merged: of what is of the same second nobody knows."""
    return merged_at is not None and bool(claim.since) and parse(claim.since) < merged_at


def _drift(sources: Iterable[Source]) -> Iterable[Row]:
    for source in sources:
        for applied in source.applied:
            drifted = conditions.find(conditions.of(applied.obj), DRIFTED) or {}
            if drifted.get("status") == "True":
                since = str(drifted.get("lastTransitionTime", ""))
                yield Row(Mark.WAITS, ObjectRef.of(applied.obj), str(drifted.get("message", "")), since)


def _orders(
    outcome: Outcome,
    sha: str,
    narrowed: Narrowed,
    concerned: Sequence[Environment],
    stops: Iterable[Lock | Hold],
    undone: Iterable[Undone],
) -> Iterable[str]:
    """Return the orders that make sense now and that the repository may give, as they are written."""
    if narrowed.unreadable is not None or not narrowed.listed:
        return
    words: list[tuple[str, Environment | None]] = []
    again = {State.FAILURE: "retry", State.PENDING: "reconcile"}.get(outcome.verdict.state)
    words += [(again, None)] if again else []
    if outcome.verdict.state is not State.PENDING:
        back = {one.environment for one in undone}
        writable = [
            one
            for one in concerned
            if not back & {one.name, ""} and narrowed.tenant.write_in(one) >= Write.PR
        ]
        words += [("rollback", environment) for environment in writable[:_MOST_ENVIRONMENTS]]
    by_name = {environment.name: environment for environment in concerned}
    words += [
        ("unlock", by_name[one.environment]) if isinstance(one, Lock) else ("unhold", None) for one in stops
    ]
    for word, environment in words:
        command = find(word)
        if command and _may_be_given(command, environment, narrowed):
            yield _written(command, environment, sha)


def _may_be_given(command: Command, environment: Environment | None, narrowed: Narrowed) -> bool:
    if narrowed.rules.rule(command.name, environment.name if environment else "").off:
        return False
    if environment is None:
        return any(grant.allows(command.name) for grant in narrowed.tenant.grants)
    return all(narrowed.tenant.may(command.name, one) for one in environment.namespaces)


def _written(command: Command, environment: Environment | None, sha: str) -> str:
    if environment is None:
        return f"/{command.name}"
    pinned = environment.protected and command.guard is Guard.PINNED
    return f"/{command.name} {environment.name}{f' sha={short(sha)}' if pinned else ''}"
