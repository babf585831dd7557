# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from policies import commit_status
from policies.commit_status import Applied, Part, Source, State, Verdict
from policies.health import Health
from policies.health import Verdict as Kstatus
from policies.objects import Object, ObjectRef
from tests.policies.made import (
    OTHER,
    OTHER_REVISION,
    SHA,
    WAITING,
    applied,
    condition,
    failing,
    git_repository,
    kustomization,
)

WEB = ObjectRef("apps", "v1", "Deployment", "apps", "web")
API = ObjectRef("apps", "v1", "Deployment", "apps", "api")
ROLE = ObjectRef("rbac.authorization.k8s.io", "v1", "ClusterRole", "", "reader")
CURRENT = Health(Kstatus.CURRENT, "Resource is current")
PROGRESS = Health(Kstatus.IN_PROGRESS, "Replicas: 2/3")
FAILED = Health(Kstatus.FAILED, "Deployment exceeded its progress deadline")
PULL = "ImagePullBackOff for ghcr.io/acme/web:6.9.1"
HEALTHY = Part(WEB, CURRENT, "3 of 3 ready")
STARTING = Part(WEB, PROGRESS, "2 of 3 ready")


def success(text: str = "applied") -> Verdict:
    return Verdict(State.SUCCESS, text)


def pending(text: str) -> Verdict:
    return Verdict(State.PENDING, text)


def failure(text: str) -> Verdict:
    return Verdict(State.FAILURE, text)


def judged(obj: Object, *parts: Part, overdue: bool = False) -> Verdict:
    return commit_status.of_kustomization(SHA, Applied(obj, parts, overdue=overdue))


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        *(
            pytest.param(
                kustomization(failing(reason, "because")),
                failure("Kustomization apps/web: because"),
                id=f"{reason}-is-final-before-any-attempt",
            )
            for reason in ("AccessDenied", "NotServed", "InvalidCELExpression")
        ),
        pytest.param(
            applied(failing("DependencyNotReady", "dependency 'apps/api' is not ready")),
            pending("Kustomization apps/web waits: dependency 'apps/api' is not ready"),
            id="a-dependency-is-waited-for",
        ),
        pytest.param(kustomization(), pending("Waits for Kustomization apps/web"), id="not-attempted"),
        pytest.param(
            {**kustomization(), "status": None}, pending("Waits for Kustomization apps/web"), id="new"
        ),
        pytest.param(
            applied(lastAttemptedRevision=OTHER_REVISION),
            pending("Waits for Kustomization apps/web"),
            id="ready-at-another-commit",
        ),
        pytest.param(
            applied(failing("BuildFailed", "no such file"), lastAttemptedRevision=OTHER_REVISION),
            pending("Waits for Kustomization apps/web"),
            id="failed-at-another-commit",
        ),
        pytest.param(
            applied(failing("BuildFailed", "\n  no such file\nat line 3")),
            failure("no such file"),
            id="a-failure-says-its-first-line",
        ),
        pytest.param(
            applied(failing("BuildFailed", "  ")),
            failure("Kustomization apps/web: BuildFailed"),
            id="a-failure-without-words-says-its-reason",
        ),
        pytest.param(
            applied([condition("Ready", "Unknown", "Progressing")]),
            pending("Kustomization apps/web is being applied"),
            id="being-applied",
        ),
        pytest.param(
            applied([]), pending("Kustomization apps/web is being applied"), id="attempted-without-conditions"
        ),
        pytest.param(applied(), success(), id="applied-with-nothing-in-it"),
        pytest.param(
            applied(WAITING),
            pending("Applied 3f2a91c, Kustomization apps/web concludes"),
            id="about-to-conclude",
        ),
    ],
)
def test_a_kustomization_by_itself(obj: Object, expected: Verdict) -> None:
    assert judged(obj) == expected


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param([HEALTHY], success(), id="all-healthy"),
        pytest.param(
            [HEALTHY, Part(API, PROGRESS, "0 of 1 ready")],
            pending("Applied 3f2a91c, waits for Deployment apps/api (0 of 1 ready)"),
            id="one-is-waited-for",
        ),
        pytest.param(
            [STARTING, Part(API, PROGRESS), Part(ROLE, PROGRESS)],
            pending("Applied 3f2a91c, waits for Deployment apps/web (2 of 3 ready) and 2 more"),
            id="the-first-of-three-is-named",
        ),
        pytest.param(
            [Part(ROLE, Health(Kstatus.NOT_FOUND, "Resource not found"))],
            pending("Applied 3f2a91c, waits for ClusterRole reader (Resource not found)"),
            id="without-a-count-its-message-is-said",
        ),
        pytest.param(
            [STARTING, Part(API, FAILED)],
            failure("Deployment apps/api: Deployment exceeded its progress deadline"),
            id="a-failed-object-fails-the-commit",
        ),
        pytest.param(
            [Part(API, FAILED), Part(WEB, PROGRESS, "2 of 3 ready", PULL)],
            failure(f"Deployment apps/web: {PULL}"),
            id="the-pods'-reason-says-more-than-a-failure",
        ),
        pytest.param([Part(WEB, CURRENT, trouble=PULL)], success(), id="trouble-of-a-healthy-object-is-none"),
    ],
)
def test_what_was_applied_decides(parts: list[Part], expected: Verdict) -> None:
    assert judged(applied(), *parts) == expected


@pytest.mark.parametrize(
    ("obj", "parts", "overdue", "expected"),
    [
        pytest.param(
            applied(),
            [STARTING],
            True,
            failure("Not healthy in time: Deployment apps/web (2 of 3 ready)"),
            id="too-late-is-a-failure",
        ),
        pytest.param(
            applied(),
            [STARTING, Part(API, PROGRESS)],
            True,
            failure("Not healthy in time: Deployment apps/web (2 of 3 ready) and 1 more"),
            id="too-late-counts-the-others",
        ),
        pytest.param(applied(), [HEALTHY], True, success(), id="healthy-is-never-too-late"),
        pytest.param(
            applied(WAITING),
            [STARTING],
            False,
            pending("Applied 3f2a91c, waits for Deployment apps/web (2 of 3 ready)"),
            id="waiting-itself",
        ),
        pytest.param(
            applied([condition("Ready", "Unknown", "Progressing")]),
            [Part(WEB, PROGRESS, "0 of 3 ready", PULL)],
            False,
            failure(f"Deployment apps/web: {PULL}"),
            id="trouble-is-told-while-it-is-being-applied",
        ),
        pytest.param(
            applied(failing("HealthCheckFailed", "timeout waiting for: [...]")),
            [Part(WEB, PROGRESS, "0 of 3 ready", PULL)],
            False,
            failure(f"Deployment apps/web: {PULL}"),
            id="trouble-says-more-than-a-timeout",
        ),
        pytest.param(
            applied(failing("BuildFailed", "kustomize build failed: a.yaml:4: no")),
            [Part(WEB, PROGRESS, "0 of 3 ready", PULL)],
            False,
            failure("kustomize build failed: a.yaml:4: no"),
            id="what-was-refused-says-more-than-old-trouble",
        ),
    ],
)
def test_time_and_trouble(obj: Object, parts: list[Part], overdue: bool, expected: Verdict) -> None:
    assert judged(obj, *parts, overdue=overdue) == expected


def source(*found: Applied, **more: Any) -> Source:
    return Source(git_repository(**more), found)


FETCH_FAILED = [condition("FetchFailed", "True", "GitOperationFailed", "authentication required")]
SUSPENDED = Applied(applied(failing("BuildFailed", "no"), spec={"suspend": True}))


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        pytest.param([], success("Fetched 3f2a91c, nothing applies it"), id="no-source"),
        pytest.param([source()], success("Fetched 3f2a91c, nothing applies it"), id="nothing-applies-it"),
        pytest.param(
            [source(SUSPENDED)],
            success("Fetched 3f2a91c, nothing applies it"),
            id="a-suspended-one-does-not-count",
        ),
        pytest.param([source(Applied(applied()))], success("Applied 3f2a91c, healthy"), id="applied"),
        pytest.param(
            [source(), source(Applied(applied()))], success("Applied 3f2a91c, healthy"), id="applied-by-one"
        ),
        pytest.param(
            [source(revision=OTHER_REVISION)],
            pending("Waits for GitRepository apps/fleet to fetch 3f2a91c"),
            id="not-fetched",
        ),
        pytest.param(
            [source(revision=None)],
            pending("Waits for GitRepository apps/fleet to fetch 3f2a91c"),
            id="nothing-fetched-yet",
        ),
        pytest.param(
            [source(Applied(applied()), revision=None, conditions=FETCH_FAILED)],
            failure("GitRepository apps/fleet: authentication required"),
            id="not-to-be-fetched",
        ),
        pytest.param(
            [source(Applied(applied()), conditions=FETCH_FAILED)],
            success("Applied 3f2a91c, healthy"),
            id="fetched-before-fetching-failed",
        ),
        pytest.param(
            [source(conditions=[condition("FetchFailed", "False")], revision=None)],
            pending("Waits for GitRepository apps/fleet to fetch 3f2a91c"),
            id="a-failure-that-is-over",
        ),
        pytest.param(
            [
                source(
                    Applied(applied()),
                    Applied(applied(), [STARTING]),
                    Applied(applied(failing("BuildFailed", "no"))),
                )
            ],
            failure("no"),
            id="the-worst-decides",
        ),
        pytest.param(
            [source(Applied(applied(), [STARTING])), source(revision=None)],
            pending("Applied 3f2a91c, waits for Deployment apps/web (2 of 3 ready)"),
            id="the-first-of-equals-speaks",
        ),
    ],
)
def test_a_commit_is_as_bad_as_the_worst_it_concerns(sources: list[Source], expected: Verdict) -> None:
    assert commit_status.of_commit(SHA, sources) == expected


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        pytest.param(
            success(), success("Overtaken by b7d0e11, which is applied and healthy"), id="of-a-healthy-one"
        ),
        pytest.param(failure("no"), failure("Overtaken by b7d0e11: no"), id="of-a-failed-one"),
        pytest.param(pending("waits"), pending("waits"), id="of-one-that-is-not-decided"),
    ],
)
def test_a_commit_that_was_overtaken_takes_the_result_of_the_later_one(
    verdict: Verdict, expected: Verdict
) -> None:
    assert commit_status.overtaken(SHA, OTHER, verdict) == expected


def test_a_commit_that_was_replaced_has_failed() -> None:
    assert commit_status.replaced(OTHER) == failure("Never applied: b7d0e11 replaced it on its branch")


@pytest.mark.parametrize(
    ("old", "allowed"),
    [
        pytest.param("", {"success", "pending", "failure"}, id="nothing-shown-takes-any"),
        pytest.param("pending", {"success", "pending", "failure"}, id="pending-takes-any"),
        pytest.param("failure", {"success", "failure"}, id="failure-is-not-taken-back-to-pending"),
        pytest.param("error", {"success", "failure"}, id="nor-is-an-error"),
        pytest.param("success", set(), id="success-stands"),
    ],
)
def test_which_state_may_follow(old: str, allowed: set[str]) -> None:
    assert {state.word for state in State if commit_status.may_follow(old, state)} == allowed


@pytest.mark.parametrize(
    ("state", "final"), [(State.SUCCESS, True), (State.FAILURE, True), (State.PENDING, False)]
)
def test_only_pending_is_not_final(state: State, final: bool) -> None:
    assert Verdict(state, "").final is final
