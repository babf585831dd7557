# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time
from typing import Any

import pytest

from bench.api import Api, ApiError, Request
from bench.floor import needed
from bench.workload import is_at, is_ready, kustomization
from tests.fixtures.cluster import Cluster
from tests.fixtures.world import until

MAPS = "/api/v1/namespaces/{}/configmaps"


@pytest.fixture
def api(cluster: Cluster) -> Api:
    return Api(cluster.kubeconfig)


@pytest.fixture
def maps(api: Api) -> str:
    """The path of the ConfigMaps of a namespace of the test's own."""
    name = f"bench-{time.monotonic_ns()}"
    api.call(Request.create("/api/v1/namespaces", {"metadata": {"name": name}}))
    return MAPS.format(name)


def config(name: str, value: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": {"value": value}}


def test_a_watch_ends_when_all_have_arrived_and_says_when(api: Api, maps: str) -> None:
    names = [f"map-{number}" for number in range(10)]
    api.send([Request.create(maps, config(name, "old")) for name in names])
    with api.watching(
        maps, names, hint=b'"new"', accept=lambda obj: obj["data"]["value"] == "new"
    ) as arrivals:
        began = time.monotonic()
        api.send([Request.patch(f"{maps}/{name}", {"data": {"value": "new"}}) for name in names])
        end = arrivals.wait(30)
    assert sorted(arrivals.at) == names
    assert began < min(arrivals.at.values()) <= max(arrivals.at.values()) == end <= time.monotonic()


def test_a_watch_names_who_is_missing(api: Api, maps: str) -> None:
    with api.watching(maps, ["a", "b"], hint=b"", accept=lambda obj: True) as arrivals:
        api.call(Request.create(maps, config("a", "1")))
        until(lambda: "a" in arrivals.at, what="the one that is there")
        with pytest.raises(TimeoutError, match="1 not there within 0 s, such as b"):
            arrivals.wait(0)


def test_what_is_refused_is_said(api: Api, maps: str) -> None:
    with pytest.raises(ApiError, match=r"POST .*/configmaps: .*invalid"):
        api.send([Request.create(maps, config("Not A Name", "1"))])


def test_a_batch_is_sent_in_its_order(api: Api, maps: str) -> None:
    change = {"data": {"value": "2"}}
    batches = [
        [Request.create(maps, config(name, "1")), Request.patch(f"{maps}/{name}", change)]
        for name in "abcdef"
    ]
    api.send_batches(batches, connections=3)
    values = {obj["metadata"]["name"]: obj["data"].get("value") for obj in api.get(maps)["items"]}
    assert {name: values[name] for name in "abcdef"} == dict.fromkeys("abcdef", "2")


def test_the_floor_is_what_one_kustomization_needs() -> None:
    sent = [(r.method, "dryRun" in r.path, "/status" in r.path) for r in needed("app-0000", "floor")]
    status, rehearsal, write = ("PATCH", False, True), ("PATCH", True, False), ("PATCH", False, False)
    assert sent == [status, *[rehearsal] * 4, *[write] * 4, status]


@pytest.mark.parametrize(
    ("observed", "status", "of_generation", "ready"),
    [(2, "True", 2, True), (1, "True", 1, False), (2, "True", 1, False), (2, "Unknown", 2, False)],
)
def test_ready_is_of_the_spec_as_it_is_now(
    observed: int, status: str, of_generation: int, ready: bool
) -> None:
    condition = {"type": "Ready", "status": status, "observedGeneration": of_generation}
    obj = {
        "metadata": {"generation": 2},
        "status": {
            "observedGeneration": observed,
            "conditions": [condition],
            "lastAppliedRevision": "main@sha1:abc",
        },
    }
    assert is_ready(obj) is ready
    assert (is_at(obj, "abc"), is_at(obj, "abd"), is_at(obj, "")) == (True, False, False)


def test_an_object_without_status_is_not_ready() -> None:
    obj = {**kustomization("app", "ns"), "metadata": {"generation": 1}}
    assert is_ready(obj) is False
