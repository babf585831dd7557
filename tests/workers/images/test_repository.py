# SPDX-License-Identifier: Apache-2.0
"""Scans of a real registry, and what an ImageRepository says of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest

from policies import conditions
from sandbox.registry.admin import Registry
from tests.fixtures.registry import ADA, Hostile, Reply
from tests.workers.images.conftest import Images, ready
from workers.images.repository import ImageRepositoryReconciler
from workers.registry import RepositoryClient

MakeImages = Callable[..., Images]


def counted(images: Images, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the lists of tags that are asked for from now on."""
    asked: list[str] = []
    tags = RepositoryClient.tags

    def listing(client: RepositoryClient) -> list[str]:
        asked.append(images.image)
        return tags(client)

    monkeypatch.setattr(RepositoryClient, "tags", listing)
    return asked


def test_a_scan_is_told_as_flux_tells_it(images: Images) -> None:
    images.push("1.0.0", "1.1.0", "latest", "sha256-abc.sig")
    ref = images.repository()
    obj = images.reconcile(ref)
    status = obj["status"]
    found = status["lastScanResult"]
    assert ready(obj) == (
        "True",
        "Succeeded",
        f"successful scan: found 3 tags with checksum {found['revision']}",
    )
    assert status["canonicalImageName"] == images.image
    assert (found["tagCount"], found["latestTags"]) == (3, ["latest", "1.1.0", "1.0.0"])
    assert status["observedExclusionList"] == [r"^.*\.sig$"]
    assert status["observedGeneration"] == obj["metadata"]["generation"]
    assert obj["metadata"]["finalizers"] == ["finalizers.fluxcd.io"]


def test_it_is_scanned_when_it_is_time_and_not_before(
    images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    images.push("1.0.0")
    ref = images.repository(interval="5m")
    before = images.reconcile(ref)
    asked = counted(images, monkeypatch)
    after = images.reconcile(ref)
    assert asked == []
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"], "nothing is written"
    images.pass_time(minutes=5)
    images.reconcile(ref)
    assert len(asked) == 1


@pytest.mark.parametrize("why", ["asked for", "lost", "another list", "another image"])
def test_what_makes_a_scan_due_at_once(images: Images, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    images.push("1.0.0", "1.0.0-rc.1")
    ref = images.repository()
    images.reconcile(ref)
    asked = counted(images, monkeypatch)
    if why == "asked for":
        images.request(ref, "now")
    elif why == "lost":
        images.context.redis.flushall()
    elif why == "another list":
        images.repository(exclusionList=["-rc"])
    else:
        images.path += "-too"
        images.push("2.0.0")
        images.repository()
    obj = images.reconcile(ref)
    assert len(asked) == 1
    assert ready(obj)[0] == "True"
    if why == "asked for":
        assert obj["status"]["lastHandledReconcileAt"] == "now"
        images.reconcile(ref)
        assert len(asked) == 1, "one request is one scan"
    if why == "another list":
        assert obj["status"]["lastScanResult"]["latestTags"] == ["1.0.0"]
    if why == "another image":
        assert obj["status"]["canonicalImageName"].endswith("-too")


@pytest.mark.parametrize(
    ("spec", "reason", "said"),
    [
        ({"image": "https://example.com/a"}, "ImageURLInvalid", "should not include URL scheme"),
        ({"image": "127.0.0.1:1/acme/web:1.0"}, "ImageURLInvalid", "should not include a tag"),
        ({"secretRef": {"name": "none"}}, "AuthenticationFailed", "secret '{}/none' not found"),
        ({"provider": "aws"}, "AuthenticationFailed", "is no registry of Amazon ECR"),
        (
            {"provider": "aws", "serviceAccountName": "a"},
            "FeatureGateDisabled",
            "please enable the ObjectLevelWorkloadIdentity feature gate",
        ),
        ({"exclusionList": ["("]}, "ReadOperationFailed", "failed to compile regex ("),
        ({"image": "127.0.0.1:1/acme/web"}, "ReadOperationFailed", "scan failed: "),
    ],
)
def test_what_is_wrong_is_said_and_the_last_scan_stays(
    images: Images, spec: dict[str, object], reason: str, said: str
) -> None:
    images.push("1.0.0")
    ref = images.repository()
    scanned = images.reconcile(ref)["status"]["lastScanResult"]
    images.repository(**spec)
    obj = images.reconcile(ref)
    status, found, message = ready(obj)
    assert (status, found) == ("False", reason)
    assert said.format(images.namespace) in message
    assert obj["status"]["lastScanResult"] == scanned
    stalled = conditions.is_true(conditions.of(obj), "Stalled")
    assert stalled is (reason in ("ImageURLInvalid", "FeatureGateDisabled") or "provider" in spec)


def test_a_repository_that_does_not_exist_is_tried_again(images: Images) -> None:
    ref = images.repository()
    obj = images.reconcile(ref)
    assert ready(obj)[:2] == ("False", "ReadOperationFailed")
    assert "not found" in ready(obj)[2]
    assert conditions.is_true(conditions.of(obj), "Reconciling")
    images.push("1.0.0")
    assert ready(images.reconcile(ref))[0] == "True"


def test_a_pull_secret_lets_in(make_images: MakeImages, namespace: str, token_registry: Registry) -> None:
    images = make_images(namespace, token_registry)
    images.push("1.0.0")
    ref = images.repository()
    assert "access denied" in ready(images.reconcile(ref))[2]
    login = {"auths": {token_registry.host: {"username": ADA.username, "password": ADA.password}}}
    images.client.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "pull", "namespace": namespace},
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": base64.b64encode(json.dumps(login).encode()).decode()},
        }
    )
    images.repository(secretRef={"name": "pull"})
    assert ready(images.reconcile(ref))[0] == "True"
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "a", "namespace": namespace},
    }
    images.client.create({**account, "imagePullSecrets": [{"name": "pull"}]})
    images.repository(secretRef=None, serviceAccountName="a")
    images.request(ref, "by the account")
    assert ready(images.reconcile(ref))[0] == "True"


def test_a_registry_that_pages_for_ever_is_left_with_a_word(
    make_images: MakeImages, namespace: str, registry: Registry, hostile: Hostile
) -> None:
    images = make_images(namespace, registry)
    hostile.answer = lambda asked: Reply(
        {"name": "acme/web", "tags": ["1.0.0"]}, headers={"Link": f'<{asked.path}>; rel="next"'}
    )
    ref = images.repository(image=f"{hostile.host}/acme/web", insecure=True)
    status, reason, message = ready(images.reconcile(ref))
    assert (status, reason) == ("False", "ReadOperationFailed")
    assert message.startswith("scan failed: ")


def test_a_suspended_one_is_left_and_a_deleted_one_leaves_nothing(images: Images) -> None:
    images.push("1.0.0")
    ref = images.repository(suspend=True)
    assert "lastScanResult" not in images.reconcile(ref)["status"]
    images.repository(suspend=False)
    images.reconcile(ref)
    assert images.context.redis.exists(f"fairway:tags:{images.namespace}/web")
    images.client.delete(ref)
    assert images.client.find(ref), "its finalizer holds it"
    ImageRepositoryReconciler(images.context).reconcile(images.namespace, "web")
    assert images.client.find(ref) is None
    assert not images.context.redis.exists(f"fairway:tags:{images.namespace}/web")
