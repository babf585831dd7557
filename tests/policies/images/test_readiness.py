# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from policies.conditions import Conditions, failed, succeeded
from policies.errors import FairwayError
from policies.images import readiness
from policies.images.errors import InvalidImage, NoTags, NothingChosen
from policies.kinds import ImagePolicy, ImageRepository
from policies.kinds.imagepolicy import ImageRef

_A, _B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
_BEFORE, _NOW = "2026-03-01T11:00:00Z", "2026-03-01T12:00:00Z"


def _ref(tag: str, digest: str | None = None) -> ImageRef:
    return ImageRef(name="ghcr.io/acme/web", tag=tag, digest=digest)


def _policy(**spec: Any) -> ImagePolicy:
    common = {"imageRepositoryRef": {"name": "web"}, "policy": {"numerical": {}}}
    return ImagePolicy.read({"metadata": {"name": "web", "namespace": "apps"}, "spec": common | spec})


def _repository(**spec: Any) -> ImageRepository:
    return ImageRepository.read(
        {"metadata": {"name": "web"}, "spec": {"image": "web", "interval": "1m"} | spec}
    )


_CHOSEN = "Latest image tag for ghcr.io/acme/web resolved to 2"


@pytest.mark.parametrize(
    ("latest", "previous", "said"),
    [
        (_ref("2"), None, _CHOSEN),
        (_ref("2"), _ref("1"), f"{_CHOSEN} (previously ghcr.io/acme/web:1)"),
        (_ref("2"), _ref("2"), _CHOSEN),
        (_ref("2"), _ref("2", ""), _CHOSEN),
        (_ref("2", _A), None, f"{_CHOSEN} with digest {_A}"),
        (
            _ref("2", _A),
            _ref("2", _B),
            f"{_CHOSEN} with digest {_A} (previously ghcr.io/acme/web:2@{_B})",
        ),
    ],
)
def test_a_choice_is_said_with_the_one_before(latest: ImageRef, previous: ImageRef | None, said: str) -> None:
    assert readiness.chosen(latest, previous) == said


def test_a_scan_is_said_in_upstreams_words() -> None:
    assert readiness.scanned(42, "1234") == "successful scan: found 42 tags with checksum 1234"
    assert readiness.next_scan(300, looked=True, changed=True) == "successful scan, next scan in 5m0s"
    assert readiness.next_scan(60, looked=True, changed=False) == "tags did not change, next scan in 1m0s"
    assert readiness.next_scan(59.5, looked=False, changed=False) == (
        "no change in repository configuration since last scan, next scan in 59.5s"
    )


@pytest.mark.parametrize(
    ("error", "reason", "message"),
    [
        (
            readiness.unauthenticated(FairwayError("secret 'login' not found")),
            "AuthenticationFailed",
            "failed to configure authentication options: secret 'login' not found",
        ),
        (readiness.scan_failed("GET: 401"), "ReadOperationFailed", "scan failed: GET: 401"),
        (
            readiness.digest_unknown("web", "1", "404"),
            "Failed",
            'failed fetching digest of web:1: failed fetching descriptor for "web:1": 404',
        ),
        (
            readiness.repository_missing(_policy()),
            "DependencyNotReady",
            "failed to get the referred ImageRepository: referenced ImageRepository does not exist:"
            ' imagerepositories.image.toolkit.fluxcd.io "web" not found',
        ),
    ],
    ids=lambda value: value.reason if isinstance(value, FairwayError) else "",
)
def test_what_may_mend_itself_is_tried_again(error: FairwayError, reason: str, message: str) -> None:
    assert (error.reason, error.message, error.retryable) == (reason, message, True)


def test_a_digest_that_is_always_asked_for_needs_an_interval() -> None:
    refused = readiness.refusal(_policy(digestReflectionPolicy="Always"))
    assert refused is not None
    assert (refused.reason, refused.message, refused.retryable) == (
        "IntervalNotConfigured",
        "spec.interval must be set when spec.digestReflectionPolicy is set to 'Always'",
        False,
    )
    assert readiness.refusal(_policy(digestReflectionPolicy="Always", interval="1m")) is None
    assert readiness.refusal(_policy(digestReflectionPolicy="IfNotPresent")) is None


@pytest.mark.parametrize(
    ("spec", "identities", "refused"),
    [
        ({"provider": "aws", "serviceAccountName": "puller"}, False, True),
        ({"provider": "aws", "serviceAccountName": "puller"}, True, False),
        ({"provider": "aws"}, False, False),
        ({"provider": "generic", "serviceAccountName": "puller"}, False, False),
        ({"serviceAccountName": "puller"}, False, False),
    ],
)
def test_an_account_of_its_own_for_a_cloud_needs_the_gate(
    spec: dict[str, Any], identities: bool, refused: bool
) -> None:
    found = readiness.login_refusal(_repository(**spec), identities=identities, of_policy=False)
    assert (found is not None) == refused
    if found is not None:
        assert found.reason == "FeatureGateDisabled"
        assert found.message == (
            "to use spec.serviceAccountName for provider authentication please enable the"
            " ObjectLevelWorkloadIdentity feature gate in the controller"
        )
    of_policy = readiness.login_refusal(_repository(**spec), identities=identities, of_policy=True)
    assert (of_policy is not None) == refused
    if of_policy is not None:
        assert "spec.serviceAccountName in the ImageRepository for provider" in of_policy.message


def _conditions(*found: tuple[str, str, str, str]) -> Conditions:
    held = [
        {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": _BEFORE}
        for kind, status, reason, message in found
    ]
    return Conditions(held, generation=2, now=_NOW)


def _said(changed: Conditions) -> list[tuple[str, str, str, str]]:
    return [(c["type"], c["status"], c["reason"], c["message"]) for c in changed.sorted()]


_AT = "reconciliation in progress"
_READY = ("Ready", "True", "Succeeded", "fine")
_STALLED = ("Stalled", "True", "ImageURLInvalid", "x")
_RECONCILING = ("Reconciling", "True", "Progressing", _AT)


def test_a_run_that_goes_well_ends_with_ready_alone() -> None:
    changed = _conditions(_STALLED, _RECONCILING, ("Ready", "False", "ImageURLInvalid", "x"))
    assert _said(succeeded(changed, "fine")) == [_READY]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            NothingChosen("none"),
            [
                ("Reconciling", "True", "ProgressingWithRetry", _AT),
                ("Ready", "False", "Failure", "none"),
            ],
        ),
        (
            NoTags("retrying"),
            [
                ("Reconciling", "True", "ProgressingWithRetry", _AT),
                ("Ready", "False", "DependencyNotReady", "retrying"),
            ],
        ),
        (
            InvalidImage("bad", remedy="mend it"),
            [
                ("Stalled", "True", "ImageURLInvalid", "bad: mend it"),
                ("Ready", "False", "ImageURLInvalid", "bad: mend it"),
            ],
        ),
    ],
    ids=["nothing chosen", "no tags", "stalled"],
)
def test_a_failure_is_tried_again_or_stalls(
    error: FairwayError, said: list[tuple[str, str, str, str]]
) -> None:
    assert _said(failed(_conditions(_RECONCILING, _READY), error, during=_AT)) == said
    assert _said(failed(_conditions(_STALLED), error, during=_AT)) == said


def test_what_only_a_change_can_help_stays_so_without_a_login() -> None:
    assert readiness.unauthenticated(FairwayError("x")).retryable
    assert not readiness.unauthenticated(FairwayError("x", retryable=False)).retryable


@pytest.mark.parametrize(
    ("spec", "account", "identities", "refused"),
    [
        ({"provider": "aws"}, "puller", False, True),
        ({"provider": "aws"}, "puller", True, False),
        ({"provider": "aws"}, "", False, False),
        ({"provider": "aws", "serviceAccountName": "own"}, "puller", False, False),
        ({}, "puller", False, False),
    ],
)
def test_an_operators_account_needs_the_gate_too(
    spec: dict[str, str], account: str, identities: bool, refused: bool
) -> None:
    found = readiness.default_login_refusal(_repository(**spec), account, identities=identities)
    assert bool(found) is refused
    if found:
        assert found.reason == "FeatureGateDisabled"
        assert "FAIRWAY_FEATURE_GATES=ObjectLevelWorkloadIdentity=true" in found.remedy
