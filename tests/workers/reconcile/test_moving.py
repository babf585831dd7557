# SPDX-License-Identifier: Apache-2.0
"""Objects move from Flux to Fairway and back without being touched; Flux's side is Flux's own library."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from policies.objects import Object, ObjectRef
from policies.ownership import FIELD_MANAGER
from tests.fixtures.engine import Request
from tests.fixtures.fluxapply import FluxApply
from tests.fixtures.world import until
from tests.workers.reconcile.conftest import Apply, crd
from workers.cluster import Client
from workers.engine import BuildRequest, Engine

EVERYDAY = (Path(__file__).parent / "everyday.yaml").read_text()


@pytest.fixture
def rendered(engine: Engine, build_request: Request, namespace: str) -> tuple[list[Object], list[Object]]:
    """The everyday objects as kustomize renders them, for Flux, and as the engine gives them."""
    asked = build_request({"all.yaml": EVERYDAY}, targetNamespace=namespace)
    plain = BuildRequest(asked.artifact, asked.digest, asked.kustomization, normalize=False)
    return engine.build(plain, timeout=20).objects, engine.build(asked, timeout=20).objects


def versions(client: Client, objects: list[Object]) -> dict[str, str]:
    live = [client.get(ObjectRef.of(obj)) for obj in objects]
    return {str(ObjectRef.of(obj)): obj["metadata"]["resourceVersion"] for obj in live}


def at_rest(client: Client, objects: list[Object]) -> dict[str, str]:
    """Return the versions once claims are bound and controllers have stopped writing."""
    for ref in [ObjectRef.of(obj) for obj in objects if obj["kind"] == "PersistentVolumeClaim"]:
        until(lambda ref=ref: client.get(ref)["status"].get("phase") == "Bound", what=f"{ref} bound")  # type: ignore[misc]
    seen: list[dict[str, str]] = []

    def still() -> bool:
        seen.append(versions(client, objects))
        time.sleep(0.2)
        return seen[-5:] == [seen[-1]] * 5

    until(still, what="all at rest")
    return seen[-1]


def ours(client: Client, objects: list[Object]) -> dict[str, Any]:
    """What kustomize-controller owns of each object."""
    return {
        str(ObjectRef.of(obj)): [
            (entry["operation"], entry["apiVersion"], entry["fieldsV1"])
            for entry in client.get(ObjectRef.of(obj))["metadata"]["managedFields"]
            if entry["manager"] == FIELD_MANAGER
        ]
        for obj in objects
    }


def test_what_flux_applied_stays_untouched_and_so_does_what_fairway_left(
    client: Client,
    apply: Apply,
    flux_apply: FluxApply,
    namespace: str,
    rendered: tuple[list[Object], list[Object]],
) -> None:
    theirs, mine = rendered
    done = flux_apply(theirs, name="app", namespace=namespace)
    assert (set(done.values()), len(done)) == ({"created"}, len(mine))
    before = at_rest(client, mine)
    assert {str(change.done) for change in apply(*mine)} == {"unchanged"}
    assert versions(client, mine) == before
    done = flux_apply(theirs, name="app", namespace=namespace)
    assert set(done.values()) == {"unchanged"}
    assert versions(client, mine) == before


def test_what_fairway_applied_is_owned_as_flux_would_own_it(
    client: Client,
    apply: Apply,
    flux_apply: FluxApply,
    namespace: str,
    rendered: tuple[list[Object], list[Object]],
) -> None:
    theirs, mine = rendered
    assert {str(change.done) for change in apply(*mine)} == {"created"}
    before, owned = at_rest(client, mine), ours(client, mine)
    done = flux_apply(theirs, name="app", namespace=namespace)
    assert set(done.values()) == {"unchanged"}
    assert versions(client, mine) == before
    for obj in mine:
        client.delete(ObjectRef.of(obj))
    flux_apply(theirs, name="app", namespace=namespace)
    assert ours(client, mine) == owned


def test_a_definition_and_its_objects_move_too(
    client: Client, apply: Apply, flux_apply: FluxApply, namespace: str
) -> None:
    definition = crd(f"{namespace}.example.com")
    widget: Object = {
        "apiVersion": f"{namespace}.example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "one", "namespace": namespace},
        "spec": {"size": 3},
    }
    flux_apply([definition, widget], name="app", namespace=namespace)
    before = at_rest(client, [definition, widget])
    assert {str(change.done) for change in apply(definition, widget)} == {"unchanged"}
    assert versions(client, [definition, widget]) == before
