# SPDX-License-Identifier: Apache-2.0
"""When the real API server is asked how an object stands, and when a change of it is put right."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from policies import correction
from policies.objects import Object, ObjectRef
from policies.ownership import GROUP
from tests.fixtures.line import ApiProxy
from tests.fixtures.remote import naming, secret
from tests.fixtures.world import until
from tests.workers.reconcile.conftest import deployment, made
from tests.workers.reconcile.delivery import Delivery, told
from tests.workers.reconcile.eyes import Eyes
from workers.cluster import Client

LABELS = {"labels": {"team": "web"}}
MAP = made("v1", "ConfigMap", "map", data={"value": "1"}, metadata=LABELS)
OTHER = made("v1", "ConfigMap", "other", data={"value": "1"})


def web() -> Object:
    """Return a Deployment that has everything which somebody may edit."""
    obj = deployment("", replicas=0)
    obj["metadata"] |= LABELS
    obj["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "MODE", "value": "calm"}]
    return obj


@pytest.fixture
def eyes(deliver: Callable[..., Delivery], line: ApiProxy, namespace: str, tmp_path: Path) -> Iterator[Eyes]:
    """Two ConfigMaps and a Deployment that stand as they were applied, and are seen so."""
    config = str(line.kubeconfig(tmp_path / "line"))
    delivery = deliver(namespace, KUBECONFIG=config, FAIRWAY_CONTEXT="line", FAIRWAY_ALLOW_LOOPBACK="true")
    files = {f"{obj['metadata']['name']}.yaml": json.dumps(obj) for obj in (MAP, OTHER, web())}
    delivery.commit(files)
    delivery.kustomization(interval="1h")
    found = Eyes(delivery, line)
    found.run()
    at_rest(found)
    yield found
    found.close()


def refs(eyes: Eyes) -> dict[str, ObjectRef]:
    namespace = eyes.delivery.namespace
    return {
        "map": ObjectRef("", "v1", "ConfigMap", namespace, "map"),
        "other": ObjectRef("", "v1", "ConfigMap", namespace, "other"),
        "web": ObjectRef("apps", "v1", "Deployment", namespace, "web"),
    }


def at_rest(eyes: Eyes) -> None:
    """Wait until its controller has said all it has to say of the Deployment, and all is seen."""
    client, one = eyes.delivery.client, refs(eyes)["web"]
    until(
        lambda: (
            (o := client.find(one))
            and o.get("status", {}).get("observedGeneration") == o["metadata"]["generation"]
        ),
        what="the Deployment observed",
    )
    eyes.see(*refs(eyes).values())


def patched(manager: str = "somebody", **change: Any) -> Callable[[Client, ObjectRef], object]:
    return lambda client, ref: client.patch(ref, change, manager=manager)


def forgotten(eyes: Eyes, what: str) -> None:
    eyes.delivery.context.redis.delete(f"fairway:{what}:{eyes.delivery.namespace}/app")


def test_what_stands_as_it_was_applied_is_asked_about_by_nobody(eyes: Eyes) -> None:
    assert told(eyes.run())[0] == "True"
    assert [eyes.asked(ref) for ref in refs(eyes).values()] == [[], [], []]


def without_entries(client: Client, ref: ObjectRef) -> None:
    client.patch(ref, {"metadata": {"managedFields": [{}]}}, manager="somebody")


def made_anew(client: Client, ref: ObjectRef) -> None:
    live = client.get(ref)
    client.delete(ref)
    kept = {name: live["metadata"][name] for name in ("name", "namespace", "labels")}
    client.create({**live, "metadata": kept}, manager="somebody")


UNSURE = {
    "no-entry-of-ours": without_entries,
    "another-object-of-that-name": made_anew,
    "a-field-was-taken": patched(data={"value": "theirs"}),
    "a-field-was-removed": patched(data={"value": None}),
    "our-label-was-changed": patched(metadata={"labels": {"team": "theirs"}}),
    "whose-owner-was-taken-away": patched(metadata={"labels": {f"{GROUP}/name": None}}),
    "kubectl-came": patched("kubectl-edit", data={"more": "by hand"}),
    "it-is-gone": lambda client, ref: client.delete(ref),
}


@pytest.mark.parametrize("act", UNSURE.values(), ids=list(UNSURE))
def test_an_object_of_which_the_mark_tells_otherwise_is_looked_at_and_put_right(
    eyes: Eyes, act: Callable[[Client, ObjectRef], object]
) -> None:
    client, one = eyes.delivery.client, refs(eyes)
    act(client, one["map"])
    until(lambda: eyes.loop.step(wait=0.05) or not _settled(eyes, one["map"]), what="it seen")
    assert told(eyes.run())[0] == "True"
    assert eyes.asked(one["map"]), "nobody has looked"
    live = client.get(one["map"])
    assert live["data"] == {"value": "1"}
    assert live["metadata"]["labels"] == {"team": "web", **_owner(eyes)}
    assert eyes.asked(one["other"]) == [], "of the others nothing was asked"
    for _ in range(2):  # without any entry, its fields are taken from before-first-apply by the next run
        at_rest(eyes)
        eyes.run()
    assert eyes.asked(one["map"]) == [], "it stands as applied again"


def _settled(eyes: Eyes, ref: ObjectRef) -> bool:
    known = eyes.known
    seen = known.seen.get(ref.id)
    return seen is not None and seen.mark == known.applied[ref.id].mark


def _owner(eyes: Eyes) -> dict[str, str]:
    return {f"{GROUP}/name": "app", f"{GROUP}/namespace": eyes.delivery.namespace}


def test_an_object_on_its_way_out_is_looked_at(eyes: Eyes) -> None:
    client, one = eyes.delivery.client, refs(eyes)["map"]
    client.patch(one, {"metadata": {"finalizers": ["example.com/hold"]}}, manager="somebody")
    client.delete(one)
    until(lambda: eyes.loop.step(wait=0.05) or not _settled(eyes, one), what="it seen")
    eyes.run()
    assert eyes.asked(one)
    client.patch(one, {"metadata": {"finalizers": None}}, manager="somebody")
    until(lambda: eyes.loop.step(wait=0.05) or one.id not in eyes.known.seen, what="it gone")
    eyes.run()
    assert client.get(one)["data"] == {"value": "1"}


def test_an_object_that_is_to_be_left_alone_is_looked_at_and_left(eyes: Eyes) -> None:
    client, one = eyes.delivery.client, refs(eyes)["map"]
    notes = {"annotations": {f"{GROUP}/reconcile": "disabled"}}
    client.patch(one, {"metadata": notes, "data": {"value": "theirs"}}, manager="somebody")
    eyes.see(one)
    eyes.run()
    assert eyes.asked(one)
    assert client.get(one)["data"] == {"value": "theirs"}


@pytest.mark.parametrize("what", ["applied", "seen"])
def test_what_is_forgotten_is_asked_for_and_known_again(eyes: Eyes, what: str) -> None:
    client, all_of_it = eyes.delivery.client, refs(eyes)
    before = [client.get(ref)["metadata"]["resourceVersion"] for ref in all_of_it.values()]
    forgotten(eyes, what)
    eyes.run()
    assert all(eyes.asked(ref) for ref in all_of_it.values())
    assert [client.get(ref)["metadata"]["resourceVersion"] for ref in all_of_it.values()] == before
    eyes.loop.remember()
    eyes.run()
    assert not any(eyes.asked(ref) for ref in all_of_it.values())


@pytest.mark.parametrize("jump", [3601, -3600], ids=["an-hour-later", "the-clock-went-back"])
def test_once_an_hour_each_object_is_dry_run_whatever_is_known(eyes: Eyes, jump: int) -> None:
    client, all_of_it = eyes.delivery.client, refs(eyes)
    before = [client.get(ref)["metadata"]["resourceVersion"] for ref in all_of_it.values()]
    eyes.delivery.context.now = lambda: datetime.now(UTC) + timedelta(seconds=jump)
    eyes.run()
    for ref in all_of_it.values():
        assert "All" in [one.query.get("dryRun") for one in eyes.asked(ref) if one.method == "PATCH"], ref
    assert [client.get(ref)["metadata"]["resourceVersion"] for ref in all_of_it.values()] == before
    eyes.run()
    assert not any(eyes.asked(ref) for ref in all_of_it.values()), "that is good for another hour"


def test_fields_to_ignore_are_compared_each_time(eyes: Eyes) -> None:
    rule = {"target": {"kind": "ConfigMap"}, "paths": ["/data/value"]}
    eyes.delivery.kustomization(ignore=[rule])
    client, one = eyes.delivery.client, refs(eyes)
    eyes.run()
    client.patch(one["map"], {"data": {"value": "theirs"}}, manager="somebody")
    eyes.see(one["map"])
    for _ in range(2):
        eyes.run()
        assert eyes.asked(one["map"])
        assert client.get(one["map"])["data"] == {"value": "theirs"}
    assert eyes.asked(one["web"]) == []


def test_where_it_looked_is_known_also_of_what_is_built_each_time(eyes: Eyes) -> None:
    delivery = eyes.delivery
    owner, ledger = (delivery.namespace, "app"), delivery.context.ledger
    forgotten(eyes, "applied")
    assert ledger.reads([owner]) == {owner: None}
    delivery.kustomization(ignore=[{"target": {"kind": "ConfigMap"}, "paths": ["/data/value"]}])
    eyes.run()
    assert "f map.yaml" in (ledger.reads([owner])[owner] or ())
    delivery.kustomization(ignore=None)
    delivery.commit({"map.yaml": json.dumps({**MAP, "data": {"value": 1}})})
    assert told(eyes.run())[0] == "False"
    assert "f map.yaml" in (ledger.reads([owner])[owner] or ()), "of what could not be applied, too"


def test_what_is_applied_only_when_missing_is_looked_at_each_time(eyes: Eyes) -> None:
    once = {**MAP, "metadata": {**MAP["metadata"], "annotations": {f"{GROUP}/ssa": "IfNotPresent"}}}
    eyes.delivery.commit({"map.yaml": json.dumps(once), "other.yaml": json.dumps(OTHER)})
    eyes.run()
    one = refs(eyes)["map"]
    eyes.delivery.client.patch(one, {"data": {"value": "theirs"}}, manager="somebody")
    eyes.see(one)
    eyes.run()
    assert eyes.asked(one)
    assert eyes.delivery.client.get(one)["data"] == {"value": "theirs"}


def test_of_another_cluster_nothing_is_taken_for_granted(eyes: Eyes) -> None:
    delivery = eyes.delivery
    delivery.client.create(secret(delivery.namespace, naming(eyes.line.address)))
    delivery.kustomization(kubeConfig={"secretRef": {"name": "prod"}})
    for _ in range(2):
        assert told(eyes.run())[0] == "True", told(delivery.run())
        assert all(eyes.asked(ref) for ref in refs(eyes).values())


EDITS: dict[str, tuple[str, dict[str, Any]]] = {
    "label": ("map", {"metadata": {"labels": {"team": "theirs"}}}),
    "label-removed": ("web", {"metadata": {"labels": {"team": None}}}),
    "data": ("map", {"data": {"value": "theirs"}}),
    "scale": ("web", {"spec": {"replicas": 2}}),
    "image": ("web", {"spec": {"template": {"spec": {"containers": [{"image": "ghcr.io/acme/web:2"}]}}}}),
    "env": (
        "web",
        {"spec": {"template": {"spec": {"containers": [{"env": [{"name": "MODE", "value": "odd"}]}]}}}},
    ),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=list(EDITS))
def test_an_edit_of_ours_is_corrected_when_it_happens(eyes: Eyes, edit: tuple[str, dict[str, Any]]) -> None:
    """Within a second of the watch's own clock, and not because of a look now and then."""
    client, (name, change) = eyes.delivery.client, edit
    one = refs(eyes)[name]
    wanted = client.get(one)
    _edit(client, one, change)
    eyes.see(one)
    assert eyes.queues()
    eyes.run()
    assert _ours(client.get(one)) == _ours(wanted)


def test_a_deletion_is_corrected_when_it_happens(eyes: Eyes) -> None:
    client, one = eyes.delivery.client, refs(eyes)["map"]
    client.delete(one)
    eyes.see(one)
    assert eyes.queues()
    eyes.run()
    assert client.get(one)["data"] == {"value": "1"}


NOT_OURS: dict[str, tuple[str, dict[str, Any], str]] = {
    "status": ("web", {"status": {"observedGeneration": 1, "replicas": 7}}, "status"),
    "foreign-label": ("map", {"metadata": {"labels": {"theirs": "yes"}}}, ""),
    "foreign-annotation": ("web", {"metadata": {"annotations": {"theirs": "yes"}}}, ""),
    "foreign-field": ("map", {"data": {"theirs": "yes"}}, ""),
}


@pytest.mark.parametrize("edit", NOT_OURS.values(), ids=list(NOT_OURS))
def test_what_others_write_beside_us_makes_nobody_run(
    eyes: Eyes, edit: tuple[str, dict[str, Any], str]
) -> None:
    client, (name, change, subresource) = eyes.delivery.client, edit
    one = refs(eyes)[name]
    client.patch(one, change, manager="somebody", subresource=subresource)
    eyes.see(one)
    assert not eyes.queues(within=10)
    eyes.run()
    assert eyes.asked(one) == []


def test_who_undoes_each_correction_is_answered_more_slowly_and_named_the_third_time(eyes: Eyes) -> None:
    client, one = eyes.delivery.client, refs(eyes)["map"]

    def correction_after(most: float) -> float:
        """Undo what was put right, and return after how long that is corrected."""
        client.patch(one, {"data": {"value": "theirs"}}, manager="other-controller")
        eyes.see(one)
        began = eyes.elapsed
        assert eyes.queues(within=most)
        took = eyes.elapsed - began
        eyes.run()
        eyes.see(one)
        assert client.get(one)["data"] == {"value": "1"}
        return took

    pauses, events = [], []
    for most in (1.0, 2.0, 3.0, 6.0, 10.0):
        pauses.append(correction_after(most))
        events.append(len(_events(eyes)))
    assert pauses[0] < 0.5
    assert [round(later) for later in pauses[1:]] == [1, 2, 4, 8]
    assert events == [0, 0, 1, 1, 1], "said once"
    [said] = _events(eyes)
    assert said == correction.message(one, "other-controller")


def _events(eyes: Eyes) -> list[str]:
    client = eyes.delivery.client
    found, _ = client.list(client.discovery.resource("", "v1", "Event"), namespace=eyes.delivery.namespace)
    return [event["message"] for event in found if event["reason"] == "DriftDetected"]


def _edit(client: Client, ref: ObjectRef, change: dict[str, Any]) -> None:
    """Patch an object as kubectl does by JSON: what lies in a list of containers is merged by hand."""
    change = json.loads(json.dumps(change))
    pods = change.get("spec", {}).get("template", {}).get("spec", {})
    if "containers" in pods:
        [container] = client.get(ref)["spec"]["template"]["spec"]["containers"]
        pods["containers"] = [container | pods["containers"][0]]
    client.patch(ref, change, manager="somebody")


def _ours(obj: Object) -> dict[str, Any]:
    """Return an object without what the API server and its controllers write."""
    return {
        "labels": obj["metadata"].get("labels"),
        "data": obj.get("data"),
        "spec": obj.get("spec"),
    }
