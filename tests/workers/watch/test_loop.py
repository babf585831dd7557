# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from app.cli.install import prepare
from app.cli.redis import EmbeddedRedis
from policies import conditions, inventory
from policies.clock import parse
from policies.objects import Object, ObjectRef
from policies.ownership import with_owner
from policies.settings import Settings
from tests.fixtures.cluster import Cluster
from tests.fixtures.queueing import Recorded
from tests.fixtures.world import until
from tests.policies.made import (
    AT,
    OTHER_REVISION,
    READY,
    REVISION,
    WAITING,
    failing,
    git_repository,
    kustomization,
)
from workers.cluster import Client
from workers.ledger import Ledger
from workers.watch.loop import Loop
from workers.workqueue import Key, open_redis


class Watching:
    """A leader's loop over the namespaces there are, with the messages it sent about ours."""

    def __init__(self, client: Client, redis_url: str, kubeconfig: str, namespace: str) -> None:
        self.sent: list[Key] = []
        self.now = parse(AT).timestamp()
        self.redis = open_redis(redis_url)
        self.work = Recorded(self.redis, self._queued)
        settings = Settings.from_env(
            {"FAIRWAY_REDIS_URL": redis_url, "KUBECONFIG": kubeconfig, "FAIRWAY_DATA": "/nowhere"}, str
        )
        self.jumped = 0.0  # seconds that the clock on the wall is ahead of the time that has passed
        self._client, self._settings, self._namespace = client, settings, namespace
        self.lead()

    def lead(self) -> None:
        """Begin as a leader that knows nothing yet."""
        self.loop = Loop(
            self._client,
            self.work,
            Ledger(self.redis),
            self._settings,
            now=lambda: self.now + self.jumped,
            elapsed=lambda: self.now,
        )
        self.loop.start()

    def _queued(self, key: Key) -> None:
        if key.namespace == self._namespace:
            self.sent.append(key)

    def know(self, *objects: Object) -> None:
        """Step until it has seen these as they are, and forget what was queued until then."""

        def seen() -> bool:
            self.loop.step(wait=0.05)
            known = [self.loop._objects.get(key(obj), {"metadata": {}})["metadata"] for obj in objects]
            versions = [one.get("resourceVersion") for one in known]
            return versions == [obj["metadata"]["resourceVersion"] for obj in objects]

        until(seen, what="the objects as they are")
        self.loop.step(wait=0)
        self.ended()

    def ended(self) -> None:
        """Have all that was queued be done, and forget it."""
        self.work.empty()
        self.sent.clear()

    def queues(self, obj: Object) -> bool:
        """Step once, and tell whether an object has been queued."""
        self.loop.step(wait=0.05)
        return key(obj) in self.sent

    def is_over(self, obj: Object) -> bool:
        """Step once, and tell whether workers are told that a wait has taken too long."""
        self.loop.step(wait=0.05)
        healthy = conditions.find(conditions.of(obj), conditions.HEALTHY) or {}
        owner = obj["metadata"]["namespace"], obj["metadata"]["name"]
        return Ledger(self.redis).wait_is_over(owner, healthy["lastTransitionTime"])

    def commands(self, steps: int) -> int:
        """Let it step without news and return how often it called Redis meanwhile."""
        before = self.redis.info("stats")["total_commands_processed"]
        for _ in range(steps):
            self.loop.step(wait=0)
        return int(self.redis.info("stats")["total_commands_processed"] - before - 1)


@pytest.fixture
def watching(
    client: Client, cluster: Cluster, redis_server: EmbeddedRedis, namespace: str
) -> Iterator[Watching]:
    prepare(client, "fairway-system")
    found = Watching(client, redis_server.url, str(cluster.kubeconfig), namespace)
    yield found
    found.loop.stop()


def created(client: Client, namespace: str, conditions: Any, *, name: str = "web", **spec: Any) -> Object:
    """Create a Kustomization that has this status and our finalizer, and that has applied a ConfigMap."""
    metadata = {"namespace": namespace, "name": name}
    obj = kustomization(conditions, metadata=metadata, spec={"wait": True, **spec})
    made = client.create({**obj, "status": {}})
    applied = inventory.status([ObjectRef("", "v1", "ConfigMap", namespace, name)])
    status = {**obj["status"], "lastHandledReconcileAt": "", "inventory": applied}
    return client.patch(ObjectRef.of(made), {"status": status}, manager="test", subresource="status")


def key(obj: Object) -> Key:
    return Key(obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"])


def test_a_wait_whose_time_is_over_is_queued_once_and_then_looked_at_now_and_then(
    client: Client, namespace: str, watching: Watching
) -> None:
    obj = created(client, namespace, WAITING, timeout="1m")
    watching.know(obj)
    watching.now += 61
    until(lambda: watching.queues(obj), what="the conclusion to be queued")
    assert watching.sent == [key(obj)]
    assert watching.is_over(obj)
    watching.commands(50)
    assert watching.commands(500) < 50, "the loop turns in circles until a worker has concluded"


def test_a_wait_is_as_long_as_it_may_be_whatever_the_clock_on_the_wall_says(
    client: Client, namespace: str, watching: Watching
) -> None:
    obj = created(client, namespace, WAITING, timeout="5m")
    watching.know(obj)
    for watching.jumped in (7200.0, -7200.0):
        obj = client.patch(
            ObjectRef.of(obj), {"metadata": {"labels": {"at": str(watching.now)}}}, manager="x"
        )
        watching.know(obj)
        watching.now += 149
        assert not watching.is_over(obj)
    watching.now += 3
    until(lambda: watching.is_over(obj), what="the end of its time")


@pytest.mark.parametrize(("shown", "left"), [(0, 300), (240, 60), (7200, 0), (-7200, 300)])
def test_a_new_leader_takes_over_the_rest_of_a_wait(
    client: Client, namespace: str, watching: Watching, shown: float, left: float
) -> None:
    """The clock on the wall shows so many seconds since the wait began: nothing else can tell."""
    watching.loop.stop()
    obj = created(client, namespace, WAITING, timeout="5m")
    watching.jumped = shown
    watching.lead()
    watching.know(obj)
    if left:
        watching.now += left - 1
        assert not watching.is_over(obj)
        watching.now += 2
    until(lambda: watching.is_over(obj), what="the end of its time")


def test_what_expressions_judge_is_not_concluded_by_watching(
    client: Client, namespace: str, watching: Watching
) -> None:
    check = {"apiVersion": "v1", "kind": "ConfigMap", "current": "data.up == 'yes'"}
    found = {
        "web": created(client, namespace, WAITING, name="web", healthCheckExprs=[check]),
        "plain": created(
            client, namespace, WAITING, name="plain", healthCheckExprs=[{**check, "kind": "Secret"}]
        ),
    }
    watching.know(*found.values())
    for name in found:
        metadata = {"name": name, "namespace": namespace}
        applied = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        client.create(with_owner(applied, name=name, namespace=namespace))
    until(lambda: watching.queues(found["plain"]), what="the one that watching concludes")
    assert not watching.queues(found["web"])
    watching.now += 1.1
    until(lambda: watching.queues(found["web"]), what="a look at the other, since its object is there")
    watching.ended()
    watching.now += 5.1
    until(lambda: watching.queues(found["web"]), what="another look though nothing changed")


def test_what_health_checks_name_is_followed_whoever_applied_it(
    client: Client, namespace: str, watching: Watching
) -> None:
    def check(name: str) -> dict[str, str]:
        return {"apiVersion": "v1", "kind": "ConfigMap", "name": name}

    own = created(client, namespace, WAITING, name="own", wait=False, healthChecks=[check("own")])
    named = created(client, namespace, WAITING, name="named", wait=False, healthChecks=[check("other")])
    watching.know(own, named)
    # Kustomizations of other tests may wait in this cluster too.
    other, followed = ObjectRef("", "v1", "ConfigMap", namespace, "other"), watching.loop._named
    until(lambda: watching.queues(named) or other in followed._seen, what="a look for the other")
    assert key(named) not in watching.sent
    assert [ref for ref in followed._informers if ref.namespace == namespace] == [other]
    for name in ("own", "other"):
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}}
        client.create(with_owner(made, name="own", namespace=namespace) if name == "own" else made)
    until(lambda: watching.queues(own), what="the end of the wait for what it applied itself")
    until(lambda: watching.queues(named), what="a look, since what is named is there")
    ended = client.patch(
        ObjectRef.of(named), {"status": {"conditions": [READY]}}, manager="test", subresource="status"
    )
    watching.know(ended)
    assert other not in followed._informers, "nobody waits for it any more"


@pytest.mark.parametrize("expression", [None, "dep.metadata.generation == 2"])
def test_a_change_of_a_dependency_wakes_whom_an_expression_lets_wait(
    client: Client, namespace: str, watching: Watching, expression: str | None
) -> None:
    depends = {"name": "api", **({"readyExpr": expression} if expression else {})}
    api, web, other = (
        created(client, namespace, failing("ArtifactFailed"), name="api"),
        created(client, namespace, failing("DependencyNotReady"), dependsOn=[depends]),
        created(client, namespace, [READY], name="other"),
    )
    watching.know(api, web, other)
    client.patch(ObjectRef.of(api), {"metadata": {"labels": {"changed": "yes"}}}, manager="test")
    client.patch(ObjectRef.of(other), {"spec": {"prune": False}}, manager="test")
    until(lambda: watching.queues(other), what="the change after it")
    assert (key(web) in watching.sent) is bool(expression)


@pytest.mark.parametrize("revision", [REVISION, OTHER_REVISION])
def test_who_says_that_it_waits_for_what_has_come_meanwhile_is_queued(
    client: Client, namespace: str, watching: Watching, revision: str
) -> None:
    source = git_repository(metadata={"namespace": namespace})
    made = client.create({**source, "status": {}})
    fleet = client.patch(
        ObjectRef.of(made), {"status": source["status"]}, manager="test", subresource="status"
    )
    api = created(client, namespace, [READY], name="api")
    status = {"status": {"lastAppliedRevision": revision}}
    api = client.patch(ObjectRef.of(api), status, manager="test", subresource="status")
    web = created(client, namespace, [READY], dependsOn=[{"name": "api"}])
    watching.know(fleet, api, web)
    # Its run looked before api was at the revision, and its word comes after the event that told of that.
    word = {"status": {"conditions": failing("DependencyNotReady")}}
    web = client.patch(ObjectRef.of(web), word, manager="test", subresource="status")
    until(lambda: _knows(watching, web), what="the word")
    assert (key(web) in watching.sent) is (revision == REVISION)
    watching.ended()
    web = client.patch(ObjectRef.of(web), {"metadata": {"labels": {"a": "b"}}}, manager="test")
    until(lambda: _knows(watching, web), what="the label")
    assert key(web) not in watching.sent, "the same word is no news"


def _knows(watching: Watching, obj: Object) -> bool:
    watching.loop.step(wait=0.05)
    known = watching.loop._objects.get(key(obj), {"metadata": {}})["metadata"]
    return bool(known.get("resourceVersion") == obj["metadata"]["resourceVersion"])


def test_what_changes_is_queued_and_what_is_as_wanted_is_not(
    client: Client, namespace: str, watching: Watching
) -> None:
    ready = created(client, namespace, [READY])
    other = kustomization([], metadata={"namespace": namespace, "name": "new", "finalizers": []})
    client.create({**other, "status": {}})

    def queued() -> bool:
        watching.loop.step(wait=0.05)
        return Key("Kustomization", namespace, "new") in watching.sent

    until(queued, what="the new one to be queued")
    watching.ended()
    client.patch(ObjectRef.of(ready), {"spec": {"prune": False}}, manager="test")

    def queued_again() -> bool:
        watching.loop.step(wait=0.05)
        return key(ready) in watching.sent

    until(queued_again, what="the changed one to be queued")


def test_what_was_seen_while_redis_was_away_is_queued_when_it_is_back(
    client: Client, namespace: str, watching: Watching, redis_server: EmbeddedRedis
) -> None:
    names = {f"new-{number}" for number in range(3)}
    redis_server.stop()
    refused = 0
    try:
        for name in names:
            obj = kustomization([], metadata={"namespace": namespace, "name": name, "finalizers": []})
            client.create({**obj, "status": {}})
        deadline = time.monotonic() + 2.0
        while time.monotonic() < deadline:  # long enough for every event and timer to come and be refused
            try:
                watching.loop.step(wait=0.05)
            except redis.ConnectionError:
                refused += 1
            watching.now += 1
    finally:
        redis_server.start()
    assert refused
    assert watching.sent == []

    def all_sent() -> bool:
        watching.loop.step(wait=0.05)
        return {key.name for key in watching.sent} >= names

    until(all_sent, what="everything to be queued")


def test_a_time_that_came_while_redis_was_away_comes_again(
    client: Client, namespace: str, watching: Watching, redis_server: EmbeddedRedis
) -> None:
    obj = created(client, namespace, [READY], interval="1h", prune=False)

    def known() -> bool:
        watching.loop.step(wait=0.05)
        return watching.loop._state.at(key(obj), "run") is not None

    until(known, what="its next time to be set")
    redis_server.stop()
    try:
        for _ in range(3):
            watching.now += 2 * 3600
            with pytest.raises(redis.ConnectionError):
                watching.loop.step(wait=0)
    finally:
        redis_server.start()
    until(lambda: watching.loop.step(wait=0.05) or key(obj) in watching.sent, what="the run to be queued")
    watching.ended()
    watching.now += 2 * 3600
    until(lambda: watching.loop.step(wait=0.05) or key(obj) in watching.sent, what="the run after it")


def test_what_waits_for_another_cluster_is_looked_at_and_not_judged_by_ours(
    client: Client, namespace: str, watching: Watching
) -> None:
    remote = {"kubeConfig": {"secretRef": {"name": "prod"}}}
    there = created(client, namespace, WAITING, name="there", timeout="1h", **remote)
    here = created(client, namespace, WAITING, name="here", timeout="1h")

    def queued(obj: Object) -> bool:
        watching.loop.step(wait=0.05)
        return key(obj) in watching.sent

    def waits_for(obj: Object) -> bool:
        watching.loop.step(wait=0.05)
        return bool(conditions.of(watching.loop._objects.get(key(obj), {})))

    for obj in (there, here):
        until(lambda obj=obj: waits_for(obj), what="its wait to be seen")  # type: ignore[misc]
        watching.ended()  # it may have been queued before it had its status
    for name in ("there", "here"):
        applied = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": namespace},
        }
        client.create(with_owner(applied, name=name, namespace=namespace))
    until(lambda: queued(here), what="the one that is well here to be concluded")
    assert key(there) not in watching.sent
    for _ in range(3):
        watching.now += 5.1
        until(lambda: queued(there), what="the one over there to be looked at")
        watching.ended()


def test_what_is_made_with_labelled_configuration_is_queued_when_that_changes(
    client: Client, namespace: str, watching: Watching
) -> None:
    def config(name: str, kind: str = "ConfigMap", value: str = "enabled") -> Object:
        labels = {"reconcile.fluxcd.io/watch": value.title()}
        metadata = {"name": name, "namespace": namespace, "labels": labels}
        return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": {"a": "c2VjcmV0"}}

    substitute = {"substituteFrom": [{"kind": "ConfigMap", "name": "vars", "optional": True}]}
    users = [
        created(client, namespace, [READY], name="vars", interval="1h", postBuild=substitute),
        created(
            client, namespace, [READY], name="there", interval="1h", kubeConfig={"secretRef": {"name": "s"}}
        ),
        created(client, namespace, [READY], name="other", interval="1h"),
    ]

    def settled() -> bool:
        watching.loop.step(wait=0.05)
        known = watching.loop._objects
        return all(conditions.of(known.get(key(user), {})) for user in users)

    def woken() -> set[str]:
        """Return who is queued within a moment, and end their runs."""
        for _ in range(10):
            watching.loop.step(wait=0.05)
        names = {one.name for one in watching.sent}
        watching.ended()
        return names

    until(settled, what="all to be seen")
    woken()
    client.create(config("vars", value="disabled"))
    assert woken() == set()
    client.patch(ObjectRef.of(config("vars")), config("vars"), manager="test")
    assert woken() == {"vars"}
    client.patch(ObjectRef.of(config("vars")), {"data": {"a": "2"}}, manager="test")
    assert woken() == {"vars"}
    client.create(config("s", "Secret"))
    assert woken() == {"there"}
    client.delete(ObjectRef.of(config("s", "Secret")))
    assert woken() == {"there"}
    client.delete(ObjectRef.of(config("vars")))
    assert woken() == {"vars"}


def test_a_clock_that_jumps_neither_rings_early_nor_late(
    client: Client, namespace: str, watching: Watching
) -> None:
    ready = created(client, namespace, [READY], interval="1h", prune=False)
    failed = created(
        client, namespace, failing("BuildFailed"), name="failed", interval="1h", retryInterval="10m"
    )
    watching.know(ready, failed)
    for watching.jumped in (7200.0, -7200.0):
        assert not watching.queues(ready)
        assert not watching.queues(failed)
    watching.now += 599
    assert not watching.queues(failed)
    watching.now += 2
    until(lambda: watching.queues(failed), what="the retry that the time has come for")
    watching.now += 3600 * 1.06
    until(lambda: watching.queues(ready), what="the run that the time has come for")


def source(client: Client, namespace: str, name: str, **spec: Any) -> Object:
    obj = git_repository(metadata={"namespace": namespace, "name": name}, spec=spec)
    made = client.create({**obj, "status": {}})
    return client.patch(ObjectRef.of(made), {"status": obj["status"]}, manager="test", subresource="status")


def test_edges_wake_across_kinds_and_only_while_they_are_there(
    client: Client, namespace: str, watching: Watching
) -> None:
    def by(name: str) -> dict[str, Any]:
        return {"sourceRef": {"kind": "GitRepository", "name": name}}

    include = [{"repository": {"name": "base"}, "toPath": "x"}]
    base, whole = source(client, namespace, "base"), source(client, namespace, "whole", include=include)
    api = created(client, namespace, [READY], name="api", **by("nowhere"))
    depends, refused = {"dependsOn": [{"name": "api"}], **by("nowhere")}, failing("DependencyNotReady")
    user, web = (
        created(client, namespace, [READY], name="user", **by("base")),
        created(client, namespace, refused, name="web", **depends),
    )
    others = [
        created(client, namespace, [READY], name="another-user", **by("base")),
        created(client, namespace, refused, name="another-web", **depends),
    ]
    watching.know(base, whole, api, user, web, *others)

    def news(number: int) -> None:
        """Let the source have another artifact, and the dependency be Ready at another revision."""
        revision = f"main@sha1:{number:040}"
        artifact = base["status"]["artifact"] | {"revision": revision}
        for obj, status in ((base, {"artifact": artifact}), (api, {"lastAppliedRevision": revision})):
            client.patch(ObjectRef.of(obj), {"status": status}, manager="test", subresource="status")
        until(lambda: all(watching.queues(obj) for obj in others), what="those that follow all along")

    news(2)
    until(lambda: all(watching.queues(obj) for obj in (whole, user, web)), what="all that follow")
    changed = [
        client.patch(ObjectRef.of(obj), {"spec": spec}, manager="test")
        for obj, spec in ((whole, {"include": None}), (user, by("whole")), (web, {"dependsOn": None}))
    ]
    watching.know(*changed, *[client.get(ObjectRef.of(obj)) for obj in others])
    news(3)
    assert not {key(obj) for obj in changed} & set(watching.sent)
