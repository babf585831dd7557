# SPDX-License-Identifier: Apache-2.0
"""Policies choose from what was scanned of a real registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policies import conditions
from policies.objects import ObjectRef
from sandbox.registry.admin import Registry
from tests.workers.images.conftest import Images, ready
from workers.workqueue import Key

MakeImages = Callable[..., Images]


def scanned(images: Images, *tags: str, **spec: Any) -> str:
    """Push tags and scan; returns their digest."""
    digest = images.push(*tags)
    images.reconcile(images.repository(**spec))
    return digest


def test_the_chosen_image_is_told_with_the_one_before(images: Images) -> None:
    scanned(images, "1.0.0", "1.1.0", "2.0.0-rc.1", "latest")
    ref = images.policy()
    obj = images.reconcile(ref)
    assert obj["status"]["latestRef"] == {"name": images.image, "tag": "1.1.0"}
    assert "observedPreviousRef" not in obj["status"]
    said = f"Latest image tag for {images.image} resolved to 1.1.0"
    assert ready(obj) == ("True", "Succeeded", said)
    images.request(images.repository(), "again")
    images.push("1.2.0")
    images.reconcile(images.repository())
    obj = images.reconcile(ref)
    assert obj["status"]["latestRef"]["tag"] == "1.2.0"
    assert obj["status"]["observedPreviousRef"] == {"name": images.image, "tag": "1.1.0"}
    assert (
        ready(obj)[2]
        == f"Latest image tag for {images.image} resolved to 1.2.0 (previously {images.image}:1.1.0)"
    )
    before = obj["metadata"]["resourceVersion"]
    assert images.reconcile(ref)["metadata"]["resourceVersion"] == before, "nothing is written twice"


def test_filters_and_orders_choose(images: Images) -> None:
    scanned(images, "main-a1-10", "main-b2-9", "dev-c3-99")
    spec = {"filterTags": {"pattern": "^main-[a-f0-9]+-(?P<ts>[0-9]+)", "extract": "$ts"}}
    ref = images.policy(policy={"numerical": {"order": "asc"}}, **spec)
    assert images.reconcile(ref)["status"]["latestRef"]["tag"] == "main-a1-10"


@pytest.mark.parametrize("reflection", ["IfNotPresent", "Always"])
def test_a_digest_is_reflected(images: Images, reflection: str) -> None:
    first = scanned(images, "1.0.0")
    every = {"interval": "10m"} if reflection == "Always" else {}
    ref = images.policy(digestReflectionPolicy=reflection, **every)
    assert images.reconcile(ref)["status"]["latestRef"]["digest"] == first
    second = images.registry.push(images.path, "1.0.0", revision="another").digest
    assert second != first
    found = images.reconcile(ref)["status"]["latestRef"]["digest"]
    assert found == (second if reflection == "Always" else first)


@pytest.mark.parametrize(
    ("spec", "reason", "stalled"),
    [
        ({"policy": {"semver": {"range": "not a range"}}}, "InvalidPolicy", True),
        ({"policy": {"semver": {"range": ">=9"}}}, "Failure", False),
        ({"filterTags": {"pattern": "("}}, "InvalidPolicy", True),
        ({"of": {"name": "none"}}, "DependencyNotReady", False),
        ({"of": {"name": "web", "namespace": "kube-system"}}, "DependencyNotReady", False),
    ],
)
def test_what_keeps_it_from_choosing_is_said_and_the_last_choice_stays(
    images: Images, spec: dict[str, Any], reason: str, stalled: bool
) -> None:
    scanned(images, "1.0.0")
    ref = images.policy()
    chosen = images.reconcile(ref)["status"]["latestRef"]
    images.policy(**spec)
    obj = images.reconcile(ref)
    assert ready(obj)[:2] == ("False", reason)
    assert obj["status"]["latestRef"] == chosen
    assert conditions.is_true(conditions.of(obj), "Stalled") is stalled


def test_nothing_scanned_yet_is_waited_for(images: Images) -> None:
    images.push("1.0.0")
    images.repository()
    obj = images.reconcile(images.policy())
    assert ready(obj)[:2] == ("False", "DependencyNotReady")
    images.reconcile(images.repository())
    assert ready(images.reconcile(images.policy()))[0] == "True"


def test_tags_that_redis_has_lost_are_scanned_again(images: Images) -> None:
    scanned(images, "1.0.0")
    ref = images.policy()
    images.reconcile(ref)
    images.context.redis.flushall()
    assert ready(images.reconcile(ref))[1] == "DependencyNotReady"
    key = Key("ImageRepository", images.namespace, "web")
    assert images.context.queue.busy([key]) == {key}
    images.reconcile(images.repository())
    obj = images.reconcile(ref)
    assert ready(obj)[0] == "True"
    assert obj["status"]["latestRef"]["tag"] == "1.0.0"


def test_another_namespace_has_to_be_let_in(images: Images) -> None:
    scanned(images, "1.0.0")
    other = f"{images.namespace}-other"
    metadata = {"name": other, "labels": {"team": "b"}}
    images.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    images.namespace, home = other, images.namespace
    ref = images.policy(of={"name": "web", "namespace": home})
    assert ready(images.reconcile(ref))[:2] == ("False", "AccessDenied")
    web = ObjectRef("image.toolkit.fluxcd.io", "v1", "ImageRepository", home, "web")
    allowed = {"namespaceSelectors": [{"matchLabels": {"team": "a"}}]}
    images.client.patch(web, {"spec": {"accessFrom": allowed}}, manager="test")
    assert "ACL labels mismatch" in ready(images.reconcile(ref))[2]
    allowed = {"namespaceSelectors": [{"matchLabels": {"team": "b"}}]}
    images.client.patch(web, {"spec": {"accessFrom": allowed}}, manager="test")
    assert ready(images.reconcile(ref))[0] == "True"


def test_references_to_other_namespaces_may_be_blocked_for_all(
    make_images: MakeImages, namespace: str, registry: Registry
) -> None:
    images = make_images(namespace, registry, FAIRWAY_NO_CROSS_NAMESPACE_REFS="true")
    ref = images.policy(of={"name": "web", "namespace": "kube-system"})
    assert "cross-namespace references have been blocked" in ready(images.reconcile(ref))[2]


def test_a_deleted_one_goes(images: Images) -> None:
    scanned(images, "1.0.0")
    ref = images.policy()
    images.reconcile(ref)
    images.client.delete(ref)
    with pytest.raises(Exception, match="not found"):
        images.reconcile(ref)
