# SPDX-License-Identifier: Apache-2.0
"""What a comment holds: rows with the worst first, what comes by itself, and what a person can order."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from policies.clock import parse
from policies.commit_status import Applied, Part, Source
from policies.health import Health
from policies.health import Verdict as Kstatus
from policies.objects import Object, ObjectRef
from policies.orders.locks import Claim, Hold, Lock, Standing
from policies.orders.rules import Rule, Rules
from policies.pull_request import Content, Mark, Outcome, content, outcome, within
from policies.pull_request.content import Coming, Undone
from policies.repofile import Narrowed, Problem, Span
from policies.tenancy import Environment, Grant, Tenant, Write
from tests.policies.made import (
    AT,
    OTHER_REVISION,
    SHA,
    WAITING,
    applied,
    condition,
    failing,
    git_repository,
    kustomization,
)

PROD = Environment("prod", frozenset({"apps"}), protected=True)
STAGING = Environment("staging", frozenset({"elsewhere"}), protected=False)
EVERYTHING = Tenant((Grant(None, environments=(PROD, STAGING)),))
WEB, API = (ObjectRef("apps", "v1", "Deployment", "apps", name) for name in ("web", "api"))
STARTING = Health(Kstatus.IN_PROGRESS, "Replicas: 2/3")
HEALTHY = Health(Kstatus.CURRENT, "Resource is current")


def of(*objects: Object | Applied, source: Object | None = None, **more: Any) -> Content:
    ones = [one if isinstance(one, Applied) else Applied(one) for one in objects]
    sources = [Source(source or git_repository(), ones)]
    judged: Outcome = outcome(
        SHA, sources, contains=lambda _: False, passed_by=lambda _: False, given_up=bool
    )
    narrowed = more.pop("narrowed", Narrowed(EVERYTHING))
    return content(judged, sources, cluster="prod-eu", sha=SHA, narrowed=narrowed, **more)


def told(found: Content) -> list[tuple[str, str, str]]:
    return [(row.mark.value, f"{row.ref.kind} {row.ref.name}", row.state) for row in found.rows]


@pytest.mark.parametrize(
    ("one", "expected", "since"),
    [
        (applied(), ("✅", "applied 3f2a91c, healthy"), AT),
        (
            applied(WAITING),
            ("⏳", "applied 3f2a91c, concludes"),
            AT,
        ),
        (
            Applied(applied(WAITING), [Part(WEB, STARTING, "2 of 3 ready")]),
            ("⏳", "applied 3f2a91c, waits for Deployment apps/web (2 of 3 ready)"),
            AT,
        ),
        (
            Applied(applied(), [Part(WEB, STARTING, "", "ImagePullBackOff for web:1")]),
            ("❌", "Deployment apps/web: ImagePullBackOff for web:1"),
            "",
        ),
        (
            kustomization(failing("DependencyNotReady", "dependency 'apps/db' is not ready")),
            ("⏳", "waits: dependency 'apps/db' is not ready"),
            AT,
        ),
        (
            applied(failing("BuildFailed", "kustomize build failed: a.yaml:4: no\nmore")),
            ("❌", "kustomize"),
            AT,
        ),
        (kustomization(), ("⏳", "has not applied 3f2a91c yet"), ""),
        (kustomization(spec={"suspend": True}), ("⏸️", "suspended, so nothing is applied"), ""),
    ],
)
def test_the_row_of_a_kustomization(one: Object | Applied, expected: tuple[str, str], since: str) -> None:
    [row] = of(one).rows
    assert (row.mark.value, row.since) == (expected[0], since)
    assert row.state.startswith(expected[1])
    assert "\n" not in row.state


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (git_repository(revision=OTHER_REVISION), ("⏳", "has not fetched 3f2a91c yet")),
        (
            git_repository(
                revision=OTHER_REVISION,
                conditions=[condition("FetchFailed", "True", "Git", "no such host\nx")],
            ),
            ("❌", "no such host"),
        ),
    ],
)
def test_a_source_that_lacks_the_commit_has_a_row(source: Object, expected: tuple[str, str]) -> None:
    found = of(applied(), source=source)
    assert told(found) == [(expected[0], "GitRepository fleet", expected[1])]


def test_the_worst_comes_first_and_the_rest_is_counted() -> None:
    broken = [kustomization(failing("BuildFailed", "no"), name=f"b-{n:02}") for n in range(60)]
    attempted = [
        {**one, "status": {**one["status"], "lastAttemptedRevision": f"main@sha1:{SHA}"}} for one in broken
    ]
    found = of(applied(), *attempted)
    assert (len(found.rows), found.left_out) == (50, 11)
    assert (found.done, found.total) == (1, 61)
    assert {row.mark for row in found.rows} == {Mark.FAILED}


def test_several_unwell_objects_have_rows_of_their_own_and_one_has_not() -> None:
    several = Applied(
        applied(), [Part(WEB, STARTING, "2 of 3 ready"), Part(API, STARTING, "", "CrashLoopBackOff")]
    )
    assert told(of(several)) == [
        ("❌", "Deployment api", "CrashLoopBackOff"),
        ("❌", "Kustomization web", "applied 3f2a91c, 0 of 2 objects healthy"),
        ("⏳", "Deployment web", "2 of 3 ready"),
    ]
    assert of(several).total == 1
    assert len(of(Applied(applied(), [Part(WEB, STARTING), Part(API, HEALTHY)])).rows) == 1
    # A build that fails is this commit's; what is broken may be so since one before it.
    refused = Applied(applied(failing("BuildFailed", "a.yaml:4: no")), several.parts)
    assert told(of(refused)) == [("❌", "Kustomization web", "a.yaml:4: no")]


def test_what_comes_by_itself() -> None:
    one = ObjectRef.of(kustomization())
    retried = {"interval": "10m", "retryInterval": "2m"}
    assert of(applied(WAITING, spec={"timeout": "5m"})).coming == (
        Coming(one, "counts as failed unless it is healthy by", "2026-11-23T15:05:00Z"),
    )
    assert of(applied(failing("BuildFailed", "no"), spec=retried)).coming == (
        Coming(one, "is tried again every", seconds=120.0),
    )
    assert of(applied(failing("BuildFailed", "no", stalled=True))).coming == ()
    assert of(applied()).coming == ()
    source = git_repository(revision=OTHER_REVISION)
    assert of(applied(), source=source).coming == (
        Coming(ObjectRef.of(source), "fetches again within", seconds=60.0),
    )


LOCK = Lock(7, "prod", Claim("lock-7-prod", since=AT))
HOLD = Hold(7, 41, Claim("hold-7-41", since=AT))
MERGED = parse(AT) + timedelta(seconds=1)
ROLLBACK = f"/rollback prod sha={SHA[:7]}"  # it is protected


def only(**grant: Any) -> dict[str, Any]:
    """Return a binding of apps, which is prod, and nothing else."""
    return {"narrowed": Narrowed(Tenant((Grant(frozenset({"apps"}), environments=(PROD,), **grant),)))}


def off(verb: str, environment: str = "") -> dict[str, Any]:
    """Return a configuration that lets nobody give an order."""
    rules = {(verb, environment): Rule(off=True)} if environment else {}
    return {
        "narrowed": Narrowed(EVERYTHING, rules=Rules({} if environment else {verb: Rule(off=True)}, rules))
    }


@pytest.mark.parametrize(
    ("obj", "more", "orders"),
    [
        (applied(), {}, (ROLLBACK,)),
        (applied(WAITING), {}, ("/reconcile",)),
        (applied(failing("BuildFailed", "no")), {}, ("/retry", ROLLBACK)),
        (
            applied(),
            {"standing": Standing((LOCK,), (HOLD,)), "repository_id": 7, "number": 41},
            (ROLLBACK, "/unlock prod", "/unhold"),
        ),
        (applied(), {"narrowed": Narrowed(EVERYTHING, listed=False)}, ()),
        (applied(), {"narrowed": Narrowed(EVERYTHING, unreadable=Problem(Span(), "", "no"))}, ()),
        (
            applied(failing("BuildFailed", "no")),
            {"narrowed": Narrowed(Tenant((Grant(None, verbs=frozenset({"retry"})),)))},
            ("/retry",),
        ),
        (applied(), only(), (ROLLBACK,)),
        (applied(), only(write=Write.MERGE), (ROLLBACK,)),
        (applied(), only(write=Write.NONE), ()),
        (applied(), only(verbs=frozenset({"retry"})), ()),
        (applied(), off("rollback"), ()),
        (applied(), off("rollback", "prod"), ()),
        (applied(failing("BuildFailed", "no")), off("retry"), (ROLLBACK,)),
        (
            applied(metadata={"namespace": "elsewhere"}),
            {"standing": Standing((Lock(7, "staging", Claim("x")),)), "repository_id": 7},
            ("/rollback staging", "/unlock staging"),
        ),
    ],
)
def test_what_a_person_can_order(obj: Object, more: dict[str, Any], orders: tuple[str, ...]) -> None:
    assert of(obj, **more).orders == orders


def test_a_lock_is_named_only_where_it_was_passed() -> None:
    staging = Lock(7, "staging", Claim("lock-7-staging"))
    standing = Standing((LOCK, staging), (HOLD,))
    found = {
        (repository, number): of(
            applied(), standing=standing, repository_id=repository, number=number, merged_at=MERGED
        ).stopped
        for repository, number in ((7, 41), (7, 42), (8, 41))
    }
    assert found == {(7, 41): (LOCK, HOLD), (7, 42): (LOCK,), (8, 41): ()}


@pytest.mark.parametrize(
    ("since", "merged_at", "passed"),
    [
        (AT, MERGED - timedelta(seconds=2), False),  # it came after the merge
        (AT, MERGED - timedelta(seconds=1), False),  # in the same second: nobody knows which came first
        (AT, MERGED, True),
        (AT, MERGED + timedelta(days=1), True),
        (AT, None, False),  # Fairway merged it, or nobody did
        ("", MERGED, False),  # nobody knows since when it stands
    ],
)
def test_only_what_stood_before_somebody_merged_was_passed(
    since: str, merged_at: datetime | None, *, passed: bool
) -> None:
    lock, hold = Lock(7, "prod", Claim("lock-7-prod", since=since)), Hold(7, 41, Claim("x", since=since))
    standing = Standing((lock,), (hold,))
    found = of(applied(), standing=standing, repository_id=7, number=41, merged_at=merged_at)
    assert found.stopped == ((lock, hold) if passed else ())
    # It can be taken back in any case.
    assert found.orders[-2:] == ("/unlock prod", "/unhold")


def test_drift_and_missing_permissions_are_named() -> None:
    drifted = applied([*applied()["status"]["conditions"], condition("Drifted", "True", "D", "x changed")])
    found = of(drifted, missing={"deployments: write": "deployments", "checks: write": "check runs"})
    assert [(row.state, row.since) for row in found.drift] == [("x changed", AT)]
    assert found.missing == (("checks: write", "check runs"), ("deployments: write", "deployments"))


def test_an_environment_has_only_its_own() -> None:
    other = kustomization(metadata={"namespace": "elsewhere"}, name="there")
    [source] = within(STAGING, [Source(git_repository(), [Applied(applied()), Applied(other)])])
    assert [one.ref.name for one in source.applied] == ["there"]


def test_what_was_rolled_back_is_not_offered_to_be_rolled_back_again() -> None:
    back = Undone("prod", 42, "https://github.com/acme/fleet/pull/42")
    assert [word for word in of(applied()).orders if word.startswith("/rollback")]
    found = of(applied(), undone=(back,))
    assert found.undone == (back,)
    assert [word for word in found.orders if word.startswith("/rollback prod")] == []
