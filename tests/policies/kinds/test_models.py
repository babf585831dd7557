# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from policies.errors import TerminalError
from policies.kinds import (
    ALL,
    GitRepository,
    ImagePolicy,
    ImageRepository,
    ImageUpdateAutomation,
    InvalidObject,
    Kind,
    Kustomization,
    Order,
    Receiver,
    RepositoryBinding,
)
from policies.kinds.crd import document
from policies.kinds.meta import seconds
from tests.policies.kinds.image_objects import (
    AUTOMATION,
    AUTOMATION_STATUS,
    FULL_AUTOMATION,
    FULL_POLICY,
    FULL_REPOSITORY,
    POLICY,
    POLICY_STATUS,
    REPOSITORY,
    REPOSITORY_STATUS,
)
from tests.policies.kinds.objects import (
    FULL_BINDING,
    FULL_GIT,
    FULL_KS,
    FULL_ORDER,
    GIT,
    GIT_STATUS,
    KS,
    KS_STATUS,
    ORDER_STATUS,
    Object,
    changed,
)
from tests.policies.kinds.receiver_objects import (
    FULL_RECEIVER,
    OIDC_RECEIVER,
    RECEIVER,
    RECEIVER_STATUS,
)
from tests.policies.kinds.schemas import root_schema
from tests.policies.kinds.strategies import admitted

KINDS = [*ALL, *(kind for kind in (ImageRepository, ImagePolicy, ImageUpdateAutomation) if kind not in ALL)]
_METADATA = {"name": "fleet", "namespace": "apps", "generation": 2, "managedFields": [{"manager": "x"}]}


def kustomization(**spec: Any) -> Kustomization:
    return Kustomization.read({"metadata": _METADATA, "spec": KS | spec})


def repository(**spec: Any) -> GitRepository:
    return GitRepository.read({"metadata": _METADATA, "spec": GIT | spec})


def _drawn(kind: type[Kind]) -> st.SearchStrategy[Object]:
    properties = root_schema(document(kind))["properties"]
    return st.fixed_dictionaries(
        {"spec": admitted(properties["spec"]), "status": admitted(properties["status"])}
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_the_schema_admits_is_read_and_nothing_of_it_is_lost(kind: type[Kind]) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(_drawn(kind))
    def check(parts: Object) -> None:
        read = kind.read({"metadata": _METADATA, **parts})
        assert read.model_dump(by_alias=True, exclude_unset=True, include={"spec", "status"}) == parts

    check()


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        (GitRepository, {"spec": FULL_GIT, "status": GIT_STATUS}),
        (Kustomization, {"spec": FULL_KS, "status": KS_STATUS}),
        (RepositoryBinding, {"spec": FULL_BINDING, "status": {}}),
        (Order, {"spec": FULL_ORDER, "status": ORDER_STATUS}),
        (ImageRepository, {"spec": FULL_REPOSITORY, "status": REPOSITORY_STATUS}),
        (ImagePolicy, {"spec": FULL_POLICY, "status": POLICY_STATUS}),
        (ImageUpdateAutomation, {"spec": FULL_AUTOMATION, "status": AUTOMATION_STATUS}),
        (Receiver, {"spec": FULL_RECEIVER, "status": RECEIVER_STATUS}),
        (Receiver, {"spec": OIDC_RECEIVER, "status": {}}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_every_field_at_once_is_read(kind: type[Kind], parts: Object) -> None:
    read = kind.read({"apiVersion": "x", "kind": "y", "metadata": _METADATA, **parts})
    assert read.model_dump(by_alias=True, exclude_unset=True, include={"spec", "status"}) == parts


def test_fields_nobody_knows_are_left_aside() -> None:
    read = kustomization(validation="client", sourceRef={**KS["sourceRef"], "revision": "x"})
    assert read.spec.source_ref.name == "fleet"


def test_an_object_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        kustomization().spec.prune = False  # type: ignore[misc]


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        ({}, "Kustomization cannot be read: metadata: field required; spec: field required"),
        ({"metadata": _METADATA}, "Kustomization apps/fleet cannot be read: spec: field required"),
        (
            {"metadata": _METADATA, "spec": changed(KS, "sourceRef.kind", "HelmRepository")},
            "Kustomization apps/fleet cannot be read: spec.sourceRef.kind: input should be 'OCIRepository', "
            "'GitRepository', 'Bucket' or 'ExternalArtifact'",
        ),
        (
            {"metadata": _METADATA, "spec": {**KS, "patches": [{"patch": ""}, {"target": {}}]}},
            "Kustomization apps/fleet cannot be read: spec.patches[1].patch: field required",
        ),
        (
            {"metadata": {"name": "x"}, "spec": {"images": [{}] * 7}},
            "Kustomization x cannot be read: spec.images[0].name: field required; spec.images[1].name: field "
            "required; spec.images[2].name: field required; spec.images[3].name: field required; "
            "spec.images[4].name: field required; and 5 more",
        ),
    ],
    ids=["empty", "no spec", "an unknown kind", "in a list", "many"],
)
def test_what_cannot_be_read_names_the_object_and_each_field(obj: Object, message: str) -> None:
    with pytest.raises(InvalidObject) as raised:
        Kustomization.read(obj)
    assert raised.value.message == message
    assert raised.value.remedy
    assert isinstance(raised.value, TerminalError)
    assert not raised.value.retryable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", 0),
        ("30s", 30),
        ("250ms", 0.25),
        ("1.5m", 90),
        ("1h30m", 5400),
        ("1h1h", 7200),
        ("10m0s", 600),
        ("1m1ms", 60.001),
        ("9999999999999h", 9223372036.854776),
    ],
)
def test_durations_are_read_as_flux_reads_them(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "30", "s", "1d", "-1s", "1 s", "1s ", "1s\n", ".5s", "1.s", "1S", "٣s"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 30s, 5m or 1h30m"):
        seconds(text)


@pytest.mark.parametrize(
    ("spec", "timeout"),
    [
        ({"interval": "10m"}, 570),
        ({"interval": "45s"}, 30),
        ({"interval": "1m1s"}, 31),
        ({"interval": "10m", "timeout": "2m"}, 120),
        ({"interval": "10m", "timeout": "29s"}, 30),
        ({"interval": "1m", "timeout": "1h"}, 3600),
    ],
    ids=str,
)
def test_a_kustomization_has_half_a_minute_less_than_its_interval_and_never_less_than_that(
    spec: Object, timeout: float
) -> None:
    assert kustomization(**spec).timeout_seconds == timeout


@pytest.mark.parametrize(
    ("spec", "retry"),
    [({"interval": "10m"}, 600), ({"interval": "10m", "retryInterval": "90s"}, 90)],
    ids=str,
)
def test_a_failure_is_retried_at_the_interval_unless_told_otherwise(spec: Object, retry: float) -> None:
    assert kustomization(**spec).retry_interval_seconds == retry
    assert kustomization(**spec).interval_seconds == 600


@pytest.mark.parametrize(
    ("spec", "policy", "strategy"),
    [
        ({}, "MirrorPrune", "WithVariables"),
        ({"deletionPolicy": "Orphan", "postBuild": {}}, "Orphan", "WithVariables"),
        ({"postBuild": {"substituteStrategy": "Always"}}, "MirrorPrune", "Always"),
    ],
    ids=str,
)
def test_what_is_not_said_is_as_in_flux(spec: Object, policy: str, strategy: str) -> None:
    read = kustomization(**spec)
    assert (read.deletion_policy, read.substitute_strategy) == (policy, strategy)


def test_a_repository_is_fetched_generically_within_a_minute_by_default() -> None:
    read = repository()
    assert (read.interval_seconds, read.timeout_seconds, read.provider) == (60, 60, "generic")
    told = repository(timeout="1m30s", provider="github")
    assert (told.timeout_seconds, told.provider) == (90, "github")


@pytest.mark.parametrize(
    ("mode", "head", "tag"),
    [
        (None, True, False),
        ("head", True, False),
        ("HEAD", True, False),
        ("Tag", False, True),
        ("TagAndHEAD", True, True),
    ],
)
def test_a_mode_says_what_has_to_be_signed(mode: str | None, head: bool, tag: bool) -> None:
    verify = repository(verify={"secretRef": {"name": "keys"}} | ({"mode": mode} if mode else {})).spec.verify
    assert verify is not None
    assert (verify.of_head, verify.of_tag) == (head, tag)


@pytest.mark.parametrize(("given_path", "expected"), [(None, "charts"), ("", "charts"), ("lib", "lib")])
def test_an_include_goes_to_a_folder_of_its_name(given_path: str | None, expected: str) -> None:
    include = {"repository": {"name": "charts"}} | ({} if given_path is None else {"toPath": given_path})
    [read] = repository(include=[include]).spec.include or []
    assert read.destination == expected


@pytest.mark.parametrize(
    ("spec", "timeout"),
    [
        ({"interval": "10m"}, 600),
        ({"interval": "10m", "timeout": "2m"}, 120),
        ({"interval": "1ms"}, 1),
        ({"interval": "1h", "timeout": "0s"}, 1),
    ],
    ids=str,
)
def test_a_scan_may_take_its_interval_and_never_less_than_a_second(spec: Object, timeout: float) -> None:
    read = ImageRepository.read({"metadata": _METADATA, "spec": REPOSITORY | spec})
    assert read.timeout_seconds == timeout


@pytest.mark.parametrize(
    ("given_list", "expected"),
    [(None, ("^.*\\.sig$",)), ([], ("^.*\\.sig$",)), (["-rc"], ("-rc",))],
    ids=["none", "an empty one", "another"],
)
def test_signatures_are_left_out_unless_something_else_is(
    given_list: list[str] | None, expected: tuple[str, ...]
) -> None:
    spec = REPOSITORY | ({} if given_list is None else {"exclusionList": given_list})
    read = ImageRepository.read({"metadata": _METADATA, "spec": spec})
    assert (read.exclusions, read.provider, read.interval_seconds) == (expected, "generic", 60)


@pytest.mark.parametrize(
    ("spec", "interval"),
    [
        ({}, None),
        ({"digestReflectionPolicy": "IfNotPresent"}, None),
        ({"digestReflectionPolicy": "Always", "interval": "1m"}, 60),
        ({"digestReflectionPolicy": "Always", "interval": "0s"}, 600),
        ({"digestReflectionPolicy": "Always"}, 600),
    ],
    ids=str,
)
def test_only_a_digest_that_is_always_asked_for_has_an_interval(spec: Object, interval: float | None) -> None:
    read = ImagePolicy.read({"metadata": _METADATA, "spec": POLICY | spec})
    assert read.interval_seconds == interval


def test_what_is_referred_to_is_in_the_same_namespace_unless_another_is_named() -> None:
    policy = ImagePolicy.read({"metadata": _METADATA, "spec": POLICY})
    assert policy.repository_key == ("apps", "web")
    assert ImagePolicy.read({"metadata": _METADATA, "spec": FULL_POLICY}).repository_key == ("images", "web")
    automation = ImageUpdateAutomation.read({"metadata": _METADATA, "spec": AUTOMATION})
    assert (automation.source_key, automation.interval_seconds) == (("apps", "fleet"), 1800)
    full = ImageUpdateAutomation.read({"metadata": _METADATA, "spec": FULL_AUTOMATION})
    assert full.source_key == ("flux-system", "fleet")


def test_an_image_is_written_with_what_is_known_of_it() -> None:
    status = ImagePolicy.read({"metadata": _METADATA, "spec": POLICY, "status": POLICY_STATUS}).status
    assert str(status.latest_ref) == f"ghcr.io/acme/web:1.2.3@sha256:{'0' * 64}"
    assert str(status.observed_previous_ref) == "ghcr.io/acme/web:1.2.2"


def test_a_receiver_reads_its_secret_every_ten_minutes_by_default() -> None:
    read = Receiver.read({"metadata": _METADATA, "spec": RECEIVER})
    assert read.interval_seconds == 600
    assert Receiver.read({"metadata": _METADATA, "spec": FULL_RECEIVER}).interval_seconds == 300
