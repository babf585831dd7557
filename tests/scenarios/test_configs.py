# SPDX-License-Identifier: Apache-2.0
"""Labelled ConfigMaps and Secrets: a change of one is a change of whatever is made with it, at once."""

from __future__ import annotations

from typing import Any

from policies import conditions
from policies.objects import Object, ObjectRef
from tests.fixtures.world import World, deployment, until

WATCHED = {"reconcile.fluxcd.io/watch": "Enabled"}


def config(namespace: str, name: str, labels: Any = WATCHED, **data: str) -> Object:
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def test_a_wait_that_cannot_end_well_ends_when_the_configuration_is_mended(world: World) -> None:
    team = world.team(paths=())
    made = world.client.create(config(team.namespace, "tags", tag="broken"))
    sha = team.push({"app/web.yaml": deployment("web", image="ghcr.io/acme/web:${tag}")})
    references = [{"kind": "ConfigMap", "name": "tags"}, {"kind": "Secret", "name": "late", "optional": True}]
    team.kustomization("app", wait=True, postBuild={"substituteFrom": references})
    web = ObjectRef("apps", "v1", "Deployment", team.namespace, "web")

    def image() -> str:
        found = world.client.find(web) or {"spec": {"template": {"spec": {"containers": [{}]}}}}
        return str(found["spec"]["template"]["spec"]["containers"][0].get("image", ""))

    until(lambda: conditions.find(conditions.of(team.applied()), "Healthy") or {}, what="the wait to begin")
    assert image() == "ghcr.io/acme/web:broken"
    world.client.patch(ObjectRef.of(made), {"data": {"tag": "1"}}, manager="test")
    team.settled(sha)
    assert image() == "ghcr.io/acme/web:1"
    late = config(team.namespace, "late", tag="2")
    late = {**late, "kind": "Secret", "data": None, "stringData": late["data"]}
    world.client.create(late)
    until(lambda: image() == "ghcr.io/acme/web:2", what="an optional Secret that came to count")
    world.client.delete(ObjectRef.of(late))
    until(lambda: image() == "ghcr.io/acme/web:1", what="its end to count as well")
