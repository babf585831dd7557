# SPDX-License-Identifier: Apache-2.0
"""What `watch` queues of the image kinds, from objects of the real API server."""

from __future__ import annotations

from typing import Any

import pytest

from policies.fairness import of_automation
from policies.objects import Object, ObjectRef
from policies.ownership import FINALIZER
from tests.fixtures.world import until
from tests.policies.made import condition, git_repository
from tests.workers.watch.test_loop import Watching, key, source, watching
from workers.cluster import Client

__all__ = ["watching"]

READY = condition("Ready", "True", "Succeeded", "fine")


def made(client: Client, kind: str, namespace: str, name: str, spec: Any, **status: Any) -> Object:
    """Create an object that a run has left as it is wanted."""
    metadata = {"namespace": namespace, "name": name, "finalizers": [FINALIZER]}
    obj = {"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": kind, "metadata": metadata, "spec": spec}
    ref = ObjectRef.of(client.create(obj))
    whole = {"observedGeneration": 1, "conditions": [READY], **status}
    return client.patch(ref, {"status": whole}, manager="test", subresource="status")


def policy(client: Client, namespace: str, tag: str, name: str = "web") -> Object:
    spec = {"imageRepositoryRef": {"name": "web"}, "policy": {"alphabetical": {"order": "asc"}}}
    return made(client, "ImagePolicy", namespace, name, spec, latestRef={"name": "acme/web", "tag": tag})


def automation(client: Client, namespace: str, tag: str, name: str = "auto", **spec: Any) -> Object:
    wanted = {
        "interval": "10m",
        "sourceRef": {"kind": "GitRepository", "name": "fleet"},
        "git": {"commit": {"author": {"email": "bot@example.com"}}},
        **spec,
    }
    observed = {"web": {"name": "acme/web", "tag": tag}}
    return made(
        client, "ImageUpdateAutomation", namespace, name, wanted, observedPolicies=observed,
        observedSourceRevision="main@sha1:1",
    )  # fmt: skip


def test_another_image_and_another_artifact_wake_the_automations_of_a_namespace(
    client: Client, namespace: str, watching: Watching
) -> None:
    fleet, web = source(client, namespace, "fleet"), policy(client, namespace, "1")
    ours = [automation(client, namespace, "1", name) for name in ("one", "two")]
    rests = automation(client, namespace, "1", "elsewhere", sourceRef={"kind": "GitRepository", "name": "x"})
    watching.know(fleet, web, *ours, rests)
    assert not watching.queues(ours[0])
    latest = {"latestRef": {"name": "acme/web", "tag": "2"}}
    client.patch(ObjectRef.of(web), {"status": latest}, manager="test", subresource="status")
    until(lambda: all(watching.queues(obj) for obj in (*ours, rests)), what="all of the namespace")
    watching.ended()
    artifact = fleet["status"]["artifact"] | {"revision": f"main@sha1:{2:040}"}
    client.patch(
        ObjectRef.of(fleet), {"status": {"artifact": artifact}}, manager="test", subresource="status"
    )
    until(lambda: all(watching.queues(obj) for obj in ours), what="those of the source")
    assert key(rests) not in watching.sent


@pytest.mark.parametrize("first", ["policy", "automation"])
@pytest.mark.parametrize(("written", "queued"), [("1", False), ("0", True)])
def test_a_new_leader_finds_what_the_last_one_missed(
    client: Client, namespace: str, watching: Watching, first: str, written: str, queued: bool
) -> None:
    makers = {
        "policy": lambda: policy(client, namespace, "1"),
        "automation": lambda: automation(client, namespace, written),
    }
    objects = {name: makers[name]() for name in sorted(makers, key=lambda name: name != first)}
    watching.know(*objects.values())
    watching.loop.stop()
    watching.ended()
    seen: list[str] = []
    watching.work._tell = lambda one: seen.append(one.name) if one.namespace == namespace else None
    watching.lead()
    watching.know(*objects.values())
    assert ("auto" in seen) is queued


def test_an_automation_takes_its_sources_turn_for_its_own_namespace() -> None:
    obj = {"metadata": {"namespace": "apps"}}
    repository = git_repository(
        metadata={"namespace": "flux-system"}, spec={"url": "https://github.com/acme/fleet"}
    )
    share = of_automation(obj, repository, "https://github.com")
    assert (share.tenant, share.name, share.gate) == ("apps", "acme/fleet", "git:github.com")
    assert of_automation(obj, None, "https://github.com").gate == ""
