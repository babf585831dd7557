# SPDX-License-Identifier: Apache-2.0
"""What cannot be applied is said of the object by name, and the next commit mends whatever was half done."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from policies import inventory
from policies.objects import Object, ObjectRef
from tests.fixtures.world import config_map as manifest
from tests.fixtures.world import until
from tests.workers.reconcile.conftest import crd, made
from tests.workers.reconcile.delivery import Delivery, retried, told
from workers.cluster import Client

_numbers = itertools.count(1)
SERVICE = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports: [{port: 80}]\n"


def mends(delivery: Delivery) -> None:
    """A commit without the mistake leaves exactly what is in it."""
    obj = delivery.apply(
        {"good.yaml": manifest("good", "mended")}, path="./", targetNamespace=delivery.namespace
    )
    assert told(obj)[:2] == ("True", "ReconciliationSucceeded")
    assert [str(ref) for ref in inventory.of(obj)] == [f"ConfigMap/{delivery.namespace}/good"]
    found = delivery.config("good")
    assert found
    assert found["data"] == {"value": "mended"}


def big(name: str, size: int) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  value: {'x' * size}\n"


CASES = [
    pytest.param({"a.yaml": big("big", 3 << 19)}, {}, "ConfigMap/{ns}/big", id="object-over-1-MiB"),
    pytest.param({"a.yaml": manifest("Not_A_Name")}, {}, "ConfigMap/{ns}/Not_A_Name", id="invalid-name"),
    pytest.param(
        {"a.yaml": manifest("x")}, {"targetNamespace": "nowhere"}, "nowhere", id="missing-namespace"
    ),
    pytest.param(
        {"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  generateName: x-\n"},
        {},
        "name",
        id="generateName",
    ),
    pytest.param(
        {
            "kustomization.yaml": "resources: [a]\n",
            "a/kustomization.yaml": "resources: [../b]\n",
            "b/kustomization.yaml": "resources: [../a]\n",
        },
        {},
        "cycle",
        id="cyclic-bases",
    ),
    pytest.param(
        {"a.yaml": manifest("x"), "b.yaml": manifest("x", "2")}, {}, "x", id="the-same-object-twice"
    ),
    pytest.param({"a.yaml": manifest("x")}, {"path": "../../etc"}, "etc", id="path-out-of-the-tree"),
    pytest.param(
        {"kustomization.yaml": "resources: [../../etc/passwd]\n"},
        {},
        "etc/passwd",
        id="resource-out-of-the-tree",
    ),
    pytest.param({"a.yaml": manifest("x")}, {"patches": [{"patch": "[{"}]}, "", id="a-patch-that-is-none"),
    pytest.param(
        {"a.yaml": manifest("x")}, {"components": ["../missing"]}, "missing", id="missing-component"
    ),
    pytest.param(
        {"a.yaml": manifest("x")},
        {"postBuild": {"substituteFrom": [{"kind": "Secret", "name": "none"}]}},
        "Secret/none",
        id="missing-variables",
    ),
    pytest.param(
        {"a.yaml": manifest("x")},
        {"serviceAccountName": "nobody"},
        "system:serviceaccount:{ns}:nobody",
        id="an-account-that-is-not-there",
    ),
]


@pytest.mark.parametrize(("files", "spec", "named"), CASES)
def test_a_mistake_is_named_and_the_next_commit_mends_it(
    delivery: Delivery, files: dict[str, str], spec: dict[str, Any], named: str
) -> None:
    obj = delivery.apply(
        {**files, **({} if "kustomization.yaml" in files else {"z.yaml": manifest("also")})}, **spec
    )
    status, reason, message = told(obj)
    assert status == "False"
    assert reason in ("ReconciliationFailed", "BuildFailed", "ArtifactFailed")
    assert named.format(ns=delivery.namespace) in message
    assert retried(obj)
    assert len(message) < 21_000
    assert delivery.config("also") is None
    delivery.kustomization(patches=None, components=None, postBuild=None, serviceAccountName=None)
    mends(delivery)


def test_a_refusal_on_admission_is_named_with_its_words(client: Client, delivery: Delivery) -> None:
    name = f"{delivery.namespace}-policy"
    rules = [
        {
            "apiGroups": [""],
            "apiVersions": ["v1"],
            "operations": ["CREATE", "UPDATE"],
            "resources": ["configmaps"],
        }
    ]
    selector = {"matchLabels": {"kubernetes.io/metadata.name": delivery.namespace}}
    policy = {
        "matchConstraints": {"resourceRules": rules, "namespaceSelector": selector},
        "validations": [
            {"expression": "object.metadata.name != 'forbidden'", "message": "not in this house"}
        ],
    }
    api = "admissionregistration.k8s.io/v1"
    client.create(made(api, "ValidatingAdmissionPolicy", name, spec=policy))
    binding = {"policyName": name, "validationActions": ["Deny"]}
    client.create(made(api, "ValidatingAdmissionPolicyBinding", name, spec=binding))
    tries = itertools.count()  # what is on the cluster as wanted is not sent again

    def apply() -> Object:
        return delivery.apply({"a.yaml": manifest("forbidden", str(next(tries))), "b.yaml": manifest("also")})

    obj = until(lambda: (o := apply()) and told(o)[0] == "False" and o, what="the policy in force")
    assert told(obj)[1] == "ReconciliationFailed"
    assert f"ConfigMap/{delivery.namespace}/forbidden" in told(obj)[2]
    assert "not in this house" in told(obj)[2]
    client.delete(
        ObjectRef("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicyBinding", "", name)
    )
    client.delete(ObjectRef("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy", "", name))
    mends(delivery)


def test_an_immutable_change_is_named_and_what_is_there_stays(delivery: Delivery) -> None:
    good = manifest("good", "1") + "immutable: true\n"
    assert told(delivery.apply({"a.yaml": good, "b.yaml": manifest("also")}))[0] == "True"
    obj = delivery.apply({"a.yaml": good.replace("'1'", "'2'"), "b.yaml": manifest("also", "2")})
    assert told(obj)[:2] == ("False", "ReconciliationFailed")
    assert f"ConfigMap/{delivery.namespace}/good" in told(obj)[2]
    assert "immutable" in told(obj)[2]
    also = delivery.config("also")
    assert also
    assert also["data"] == {"value": "1"}
    assert told(delivery.apply({"a.yaml": good}))[0] == "True"


def test_a_namespace_that_is_being_deleted_is_told(client: Client, delivery: Delivery) -> None:
    ending = f"{delivery.namespace}-ending"
    client.create(made("v1", "Namespace", ending))
    held = made("v1", "ConfigMap", "held", ending, metadata={"finalizers": ["example.com/hold"]})
    client.create(held)
    client.delete(ObjectRef("", "v1", "Namespace", "", ending))
    until(
        lambda: client.get(ObjectRef("", "v1", "Namespace", "", ending))["status"]["phase"] == "Terminating"
    )
    obj = delivery.apply({"a.yaml": manifest("late")}, targetNamespace=ending)
    assert told(obj)[:2] == ("False", "ReconciliationFailed")
    assert f"ConfigMap/{ending}/late" in told(obj)[2]
    assert "being terminated" in told(obj)[2]
    client.patch(ObjectRef.of(held), {"metadata": {"finalizers": None}}, manager="x")
    mends(delivery)


def test_a_definition_and_its_objects_come_go_and_come_again(delivery: Delivery) -> None:
    group = f"{delivery.namespace}.example"
    files = {
        "crd.yaml": json.dumps(crd(group)),
        "one.yaml": f"apiVersion: {group}/v1\nkind: Widget\nmetadata:\n  name: one\nspec: {{size: 1}}\n",
    }
    assert told(delivery.apply(files))[0] == "True"
    mends(delivery)  # the definition goes first or last: its objects' kind may be gone by then
    widget = files["one.yaml"].replace("size: 1", "size: large")
    obj = delivery.apply({**files, "one.yaml": widget})
    assert (told(obj)[0], f"Widget/{delivery.namespace}/one" in told(obj)[2]) == ("False", True)
    assert told(delivery.apply(files))[0] == "True"


def test_documents_of_kind_list_are_their_items(delivery: Delivery) -> None:
    items = [made("v1", "ConfigMap", name, data={"value": "1"}) for name in ("one", "two")]
    obj = delivery.apply({"a.yaml": json.dumps({"apiVersion": "v1", "kind": "List", "items": items})})
    assert told(obj)[0] == "True"
    assert {ref.name for ref in inventory.of(obj)} == {"one", "two"}


def test_the_same_object_in_two_kustomizations_is_the_last_one_s(delivery: Delivery) -> None:
    delivery.apply({"a.yaml": manifest("shared")})
    delivery.kustomization("second")
    assert told(delivery.run("second"))[0] == "True"
    delivery.commit({"b.yaml": manifest("other")})
    obj = delivery.run("app")  # it is not its own any more, so it stays
    assert told(obj)[0] == "True"
    assert delivery.config("shared")
    assert told(delivery.run("second"))[0] == "True"
    assert delivery.config("shared") is None


def test_references_to_owners_and_finalizers_in_git_are_applied_as_they_are(
    client: Client, delivery: Delivery
) -> None:
    held = manifest("held").replace("metadata:", "metadata:\n  finalizers: [example.com/hold]")
    assert told(delivery.apply({"a.yaml": held}))[0] == "True"
    obj = delivery.apply({"b.yaml": manifest("good")})
    assert told(obj)[0] == "True"
    found = delivery.config("held")
    assert found
    assert found["metadata"]["deletionTimestamp"]
    back = delivery.apply({"a.yaml": held, "b.yaml": manifest("good")})
    assert [ref.name for ref in inventory.of(back)] == ["good", "held"]
    client.patch(ObjectRef.of(found), {"metadata": {"finalizers": None}}, manager="x")
    assert told(delivery.run())[0] == "True"
    assert delivery.config("held"), "the next run makes it anew"


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../etc/passwd", "a.yaml"])
def test_a_symbolic_link_in_an_artifact_is_named_and_never_followed(delivery: Delivery, target: str) -> None:
    delivery.commit({"a.yaml": manifest("one")}, links={"link.yaml": target})
    delivery.kustomization()
    obj = delivery.run()
    assert told(obj)[:2] == ("False", "BuildFailed")
    assert 'artifact holds "link.yaml", which is neither file nor folder' in told(obj)[2]
    assert inventory.of(obj) == []
    mends(delivery)


def test_a_bomb_of_generated_objects_ends_in_a_message(delivery: Delivery) -> None:
    """Ten levels of ten bases each would be ten thousand million objects."""
    files = {"9/kustomization.yaml": "resources: [a.yaml]\n", "9/a.yaml": manifest("x")}
    for level in range(9):
        for number in range(10):
            files[f"{level}/{number}/kustomization.yaml"] = (
                f"resources: [../../{level + 1}]\nnamePrefix: '{number}-'\n"
            )
        if level:
            files[f"{level}/kustomization.yaml"] = (
                f"resources: [{', '.join(repr(str(n)) for n in range(10))}]\n"
            )
    files["kustomization.yaml"] = "resources: [" + ", ".join(f"0/{n}" for n in range(10)) + "]\n"
    obj = delivery.apply(files, timeout="30s")
    assert told(obj)[:2] == ("False", "BuildFailed")
    assert any(words in told(obj)[2] for words in ("more memory than", "took longer than", "larger than"))
    mends(delivery)


def test_five_hundred_objects_come_and_go(delivery: Delivery) -> None:
    obj = delivery.apply({f"{n}.yaml": manifest(f"m-{n}") for n in range(500)})
    assert told(obj)[0] == "True"
    assert len(inventory.of(obj)) == 500
    mends(delivery)
