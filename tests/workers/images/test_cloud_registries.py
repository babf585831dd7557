# SPDX-License-Identifier: Apache-2.0
"""Scans of a real registry under the name of a cloud's, with the login that the cloud gives."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from policies import conditions
from sandbox.registry.admin import Login, Registry
from tests.fixtures.registry import Reply, running_registry
from tests.fixtures.registry_clouds import ECR, PASSWORD, Clouds, ecr, form, sts
from tests.workers.images.conftest import Images, ready

MakeImages = Callable[..., Images]
API, STS = "api.ecr.eu-west-1.amazonaws.com", "sts.eu-west-1.amazonaws.com"


@pytest.fixture(scope="module")
def ecr_registry(
    tmp_path_factory: pytest.TempPathFactory, clouds_pem: tuple[Path, Path]
) -> Iterator[Registry]:
    """A registry that takes only what ECR's API gave, and has the certificate for ECR's name."""
    pem, authority = clouds_pem
    options = ("--user", f"AWS:{PASSWORD}", "--tls-cert", str(pem), "--tls-key", str(pem))
    login = Login("AWS", PASSWORD)
    folder = tmp_path_factory.mktemp("ecr")
    with running_registry(folder, *options, auth="basic", login=login, ca=authority.read_bytes()) as running:
        yield running


@pytest.fixture
def images(
    make_images: MakeImages,
    namespace: str,
    ecr_registry: Registry,
    clouds: Clouds,
    monkeypatch: pytest.MonkeyPatch,
) -> Images:
    """A worker that is somebody in AWS, and a proxy in the namespace that leads to the registry."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOWN")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "own-secret")
    clouds.services |= {API: ecr, STS: sts}
    clouds.tunnel.ways[ECR] = ecr_registry.host
    made = make_images(namespace, ecr_registry, FAIRWAY_FEATURE_GATES="ObjectLevelWorkloadIdentity=true")
    data = {"address": base64.b64encode(clouds.tunnel.url.encode()).decode()}
    metadata = {"name": "proxy", "namespace": namespace}
    made.client.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
    return made


def test_an_image_of_ecr_is_scanned_and_its_digest_read(images: Images, clouds: Clouds) -> None:
    digest = images.push("1.0.0", "1.1.0")
    spec = {"image": f"{ECR}/{images.path}", "provider": "aws", "proxySecretRef": {"name": "proxy"}}
    ref = images.repository(**spec)
    obj = images.reconcile(ref)
    assert ready(obj)[:2] == ("True", "Succeeded")
    assert obj["status"]["lastScanResult"]["tagCount"] == 2
    images.request(ref, "again")
    assert ready(images.reconcile(ref))[0] == "True"
    policy = images.reconcile(images.policy(digestReflectionPolicy="IfNotPresent"))
    assert policy["status"]["latestRef"]["digest"] == digest
    assert len(clouds.asked(API)) == 1, "the login is kept"


def test_a_service_account_scans_as_its_role(images: Images, clouds: Clouds) -> None:
    images.push("1.0.0")
    note = {"eks.amazonaws.com/role-arn": "arn:aws:iam::012345678901:role/puller"}
    metadata = {"name": "puller", "namespace": images.namespace, "annotations": note}
    images.client.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    spec = {"image": f"{ECR}/{images.path}", "provider": "aws", "proxySecretRef": {"name": "proxy"}}
    obj = images.reconcile(images.repository(**spec, serviceAccountName="puller"))
    assert ready(obj)[0] == "True"
    assert form(clouds.asked(STS)[0])["RoleArn"] == note["eks.amazonaws.com/role-arn"]


def test_what_the_cloud_refuses_is_said_and_tried_again(images: Images, clouds: Clouds) -> None:
    why = {"__type": "AccessDeniedException", "message": "User x is not authorized"}
    clouds.services[API] = lambda asked: Reply(why, status=400)
    spec = {"image": f"{ECR}/{images.path}", "provider": "aws", "proxySecretRef": {"name": "proxy"}}
    obj = images.reconcile(images.repository(**spec))
    status, reason, message = ready(obj)
    assert (status, reason) == ("False", "AuthenticationFailed")
    before = (
        "failed to configure authentication options: no login at Amazon ECR (eu-west-1) as Fairway itself: "
    )
    assert message.startswith(before)
    assert "User x is not authorized" in message
    assert not conditions.is_true(conditions.of(obj), "Stalled")
