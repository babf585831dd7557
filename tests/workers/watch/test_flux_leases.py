# SPDX-License-Identifier: Apache-2.0
"""Flux's leader Leases on the real API server: taken when they are free, left when they are not."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from policies import flux_leases
from policies.objects import Object, ObjectRef
from policies.settings import Settings
from tests.fixtures.world import until
from workers.cluster import Client, NotFound
from workers.flux_leases import FluxLeases, FluxRuns, Keeper

START = datetime(2026, 11, 23, 15, 0, 0, tzinfo=UTC)
_shards = itertools.count(1)


@pytest.fixture
def settings(namespace: str) -> Settings:
    """Each test has a shard of its own, since Leases are looked for in the whole cluster."""
    environment = {
        "FAIRWAY_FLUX_NAMESPACE": namespace,
        "FAIRWAY_WATCH_LABEL_SELECTOR": f"sharding.fluxcd.io/key=s{next(_shards)}",
    }
    return Settings.from_env(environment, lambda path: "")


@pytest.fixture
def elapsed() -> list[float]:
    """The seconds that have passed."""
    return [0.0]


@pytest.fixture
def keeper(client: Client, settings: Settings, elapsed: list[float]) -> Keeper:
    return Keeper(FluxLeases(client), client, settings, "host_1", elapsed=lambda: elapsed[0])


@pytest.fixture
def lease(client: Client, namespace: str, settings: Settings) -> Iterator[Callable[..., Object]]:
    """Have a Lease as Flux's controllers make it."""
    made: list[Object] = []

    def make(kind: str, holder: str = "flux-0_abc", *, age: float = 0.0) -> Object:
        name = flux_leases.lease_name(kind, settings.watch_label_selector)
        renewed = (START - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        obj = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": 35, "renewTime": renewed},
        }
        made.append(client.create(obj))
        return made[-1]

    yield make
    for obj in made:
        client.delete(ObjectRef.of(obj))


def holder(client: Client, namespace: str, settings: Settings, kind: str) -> str:
    name = flux_leases.lease_name(kind, settings.watch_label_selector)
    spec = client.get(ObjectRef("coordination.k8s.io", "v1", "Lease", namespace, name))["spec"]
    return str(spec["holderIdentity"])


def test_free_leases_are_taken_and_given_back(
    client: Client, namespace: str, settings: Settings, keeper: Keeper
) -> None:
    assert keeper.step(START) == dict.fromkeys(flux_leases.CONTROLLERS, "")
    for kind in flux_leases.CONTROLLERS:
        assert holder(client, namespace, settings, kind) == "fairway_host_1"
    keeper.release(START)
    for kind in flux_leases.CONTROLLERS:
        assert holder(client, namespace, settings, kind) == ""


def test_a_lease_that_flux_holds_is_left_and_what_to_do_is_said(
    client: Client, namespace: str, settings: Settings, keeper: Keeper, lease: Callable[..., Object]
) -> None:
    held = lease("Kustomization")
    problems = keeper.step(START)
    assert problems["GitRepository"] == ""
    name = held["metadata"]["name"]
    assert f"flux-0_abc holds the Lease {namespace}/{name}" in problems["Kustomization"]
    assert f"kubectl -n {namespace} scale deployment" in problems["Kustomization"]
    assert holder(client, namespace, settings, "Kustomization") == "flux-0_abc"


@pytest.mark.parametrize(
    ("who", "age"), [("flux-0_abc", 36.0), ("", 0.0)], ids=["gone-without-a-word", "given-up"]
)
def test_a_lease_that_became_free_is_taken(
    client: Client,
    namespace: str,
    settings: Settings,
    keeper: Keeper,
    lease: Callable[..., Object],
    elapsed: list[float],
    who: str,
    age: float,
) -> None:
    lease("Kustomization", who, age=age)
    if who:
        assert "has just taken the Lease" in keeper.step(START)["Kustomization"]
        elapsed[0] += age  # in which it stood still
    assert keeper.step(START)["Kustomization"] == ""
    assert holder(client, namespace, settings, "Kustomization") == "fairway_host_1"


def test_a_lease_that_flux_took_stops_every_write(
    client: Client, settings: Settings, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when our `watch` was away for longer than the Lease is good for."""
    monkeypatch.setattr("workers.flux_leases._LOOKED_FOR", 0.0)
    assert keeper.step(START)["Kustomization"] == ""
    leases, selector = FluxLeases(client), settings.watch_label_selector
    leases.check("Kustomization", START, selector)
    [taken] = leases.find("Kustomization", selector)
    later = START + timedelta(seconds=60)
    spec = {"holderIdentity": "flux-1_def", "renewTime": later.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
    client.patch(ObjectRef.of(taken), {"spec": spec}, manager="flux")
    with pytest.raises(FluxRuns, match="flux-1_def holds the Lease"):
        leases.check("Kustomization", later, selector)
    leases.check("GitRepository", later, selector)
    leases.check("Repository", later, selector)
    assert "flux-1_def" in keeper.step(later)["Kustomization"]


@contextmanager
def unserved(client: Client, namespace: str, group: str, version: str, kind: str) -> Iterator[None]:
    """Have an object of a kind that we do not serve."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    one = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    singular = kind.lower()
    plural = f"{singular}s"
    names = {"plural": plural, "singular": singular, "kind": kind, "listKind": f"{kind}List"}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [one]},
    }
    metadata = {"name": "b", "namespace": namespace}
    made = {"apiVersion": f"{group}/{version}", "kind": kind, "metadata": metadata}
    client.create(definition)

    def created() -> bool:
        try:
            return bool(client.create(made))
        except NotFound:
            return False

    until(created, what=f"a {kind}")
    yield
    client.delete(ObjectRef.of(definition))


@pytest.fixture
def bucket(client: Client, namespace: str) -> Iterator[None]:
    """Have a Bucket, a kind of source-controller's that we do not serve."""
    with unserved(client, namespace, "source.toolkit.fluxcd.io", "v1", "Bucket"):
        yield


@pytest.fixture
def alert(client: Client, namespace: str) -> Iterator[None]:
    """Have an Alert, which notification-controller serves besides Receivers, and in a version of its own."""
    with unserved(client, namespace, "notification.toolkit.fluxcd.io", "v1beta3", "Alert"):
        yield


@pytest.mark.usefixtures("alert")
def test_receivers_are_left_to_flux_where_it_has_alerts(
    client: Client, namespace: str, settings: Settings, keeper: Keeper
) -> None:
    problems = keeper.step(START)
    assert problems["Receiver"].startswith(
        f"no Receiver is served: Flux's notification-controller also has Alert/{namespace}/b, of kinds"
    )
    assert problems["GitRepository"] == ""
    with pytest.raises(NotFound):
        holder(client, namespace, settings, "Receiver")


@pytest.mark.usefixtures("bucket")
def test_no_lease_is_taken_while_its_controller_has_objects_we_do_not_serve(
    client: Client, namespace: str, settings: Settings, keeper: Keeper
) -> None:
    problems = keeper.step(START)
    assert f"source-controller also has Bucket/{namespace}/b, " in problems["GitRepository"]
    assert problems["Kustomization"] == ""
    with pytest.raises(NotFound):
        holder(client, namespace, settings, "GitRepository")
