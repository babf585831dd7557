# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

from policies.objects import Object, ObjectRef
from tests.policies.made import READY, failing, git_repository, kustomization
from workers.watch.edges import Edges, became_ready, key_of
from workers.workqueue import Key

WAITS = failing("DependencyNotReady")
FLEET = Key("GitRepository", "apps", "fleet")


class Graph:
    """Objects as `watch` knows them, and their edges."""

    def __init__(self) -> None:
        self.objects: dict[Key, Object] = {}
        self.edges = Edges(self.objects)

    def add(self, obj: Object) -> Key:
        key = key_of(obj)
        self.objects[key] = obj
        self.edges.update(key, obj)
        return key

    def kustomization(self, name: str, conditions: Any = WAITS, **spec: Any) -> Key:
        return self.add(kustomization(conditions, metadata={"name": name}, spec=spec))

    def woken(self, by: Key, *, ready: bool = True) -> list[str]:
        return [key.name for key in self.edges.waiting_for(by, ready=ready)]


def test_who_waits_for_a_dependency_is_woken_when_it_is_ready() -> None:
    graph = Graph()
    api = graph.kustomization("api", [READY])
    graph.kustomization("web", dependsOn=[{"name": "api"}])
    graph.kustomization("elsewhere", dependsOn=[{"name": "api", "namespace": "other"}])
    graph.kustomization("content", [READY], dependsOn=[{"name": "api"}])
    assert graph.woken(api) == ["web"]


def test_an_edge_goes_with_the_word_that_made_it_and_with_its_object() -> None:
    graph = Graph()
    api = graph.kustomization("api", [READY])
    web = graph.kustomization("web", dependsOn=[{"name": "api"}])
    graph.kustomization("web")
    assert graph.woken(api) == []
    graph.kustomization("web", dependsOn=[{"name": "api"}])
    assert graph.woken(api) == ["web"]
    graph.edges.update(web, None)
    assert graph.woken(api) == []
    assert graph.edges.followers(FLEET) == [api]


def test_edges_lead_from_sources_and_configuration_too() -> None:
    graph = Graph()
    fleet = graph.add(git_repository())
    base = graph.add(
        git_repository(
            metadata={"name": "whole"}, spec={"include": [{"repository": {"name": "fleet"}, "toPath": "x"}]}
        )
    )
    web = graph.kustomization(
        "web", postBuild={"substituteFrom": [{"kind": "ConfigMap", "name": "settings"}]}
    )
    assert graph.edges.followers(fleet) == [base, web]
    assert graph.edges.made_with({ObjectRef("", "v1", "ConfigMap", "apps", "settings")}) == {web}
    graph.kustomization("web", sourceRef={"kind": "GitRepository", "name": "whole"})
    assert graph.edges.followers(fleet) == [base]
    assert graph.edges.followers(base) == [web]
    assert graph.edges.made_with({ObjectRef("", "v1", "ConfigMap", "apps", "settings")}) == set()


def test_a_dependency_is_news_when_it_becomes_ready_or_is_so_at_another_revision() -> None:
    def api(conditions: Any, applied: str) -> Object:
        return kustomization(conditions, lastAppliedRevision=applied)

    assert became_ready(None, api([READY], "a"))
    assert became_ready(api(WAITS, "a"), api([READY], "a"))
    assert became_ready(api([READY], "a"), api([READY], "b"))
    assert not became_ready(api([READY], "a"), api([READY], "a"))
    assert not became_ready(api([READY], "a"), api(WAITS, "a"))
