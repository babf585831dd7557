# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
import random

import pytest

from policies import stages
from policies.objects import GroupKind, Object, ObjectRef

# Flux's order, one object of each kind; what stands in no list goes between PodDisruptionBudget and webhooks.
IN_ORDER = [
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("v1", "Namespace"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("cluster.x-k8s.io/v1beta1", "ClusterClass"),
    ("node.k8s.io/v1", "RuntimeClass"),
    ("scheduling.k8s.io/v1", "PriorityClass"),
    ("storage.k8s.io/v1", "StorageClass"),
    ("snapshot.storage.k8s.io/v1", "VolumeSnapshotClass"),
    ("networking.k8s.io/v1", "IngressClass"),
    ("gateway.networking.k8s.io/v1", "GatewayClass"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("v1", "ResourceQuota"),
    ("v1", "ServiceAccount"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "LimitRange"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("batch/v1", "CronJob"),
    ("policy/v1", "PodDisruptionBudget"),
    ("v1", "Pod"),
    ("apps/v1", "DaemonSet"),
    ("apps.acme.io/v1", "App"),
    ("networking.k8s.io/v1", "Ingress"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
]


def made(api_version: str, kind: str, name: str = "one", namespace: str = "") -> Object:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


@pytest.mark.parametrize(
    ("before", "after"), [pytest.param(a, b, id=f"{a[1]}-{b[1]}") for a, b in itertools.pairwise(IN_ORDER)]
)
def test_each_kind_comes_before_the_next(before: tuple[str, str], after: tuple[str, str]) -> None:
    assert stages.sort_key(ObjectRef.of(made(*before))) < stages.sort_key(ObjectRef.of(made(*after)))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            made("v1", "ConfigMap", "z", "a"), made("v1", "ConfigMap", "a", "b"), id="namespace-before-name"
        ),
        pytest.param(made("v1", "ConfigMap", "a"), made("v1", "ConfigMap", "b"), id="by-name-in-the-end"),
        pytest.param(
            made("v1", "Service", "z", "z"),
            made("serving.knative.dev/v1", "Service", "a", "a"),
            id="one-kind-of-two-groups-by-group-first",
        ),
        pytest.param(
            made("apps/v1", "Zoo"), made("apps.acme.io/v1", "Ape"), id="a-group-before-the-longer-one"
        ),
        pytest.param(made("acme.io/v1", "Ape"), made("acme.io/v1", "Zoo"), id="then-by-kind"),
    ],
)
def test_ties_are_broken_as_flux_does(before: Object, after: Object) -> None:
    assert stages.sort_key(ObjectRef.of(before)) < stages.sort_key(ObjectRef.of(after))


def test_definitions_then_classes_then_the_rest_each_sorted() -> None:
    objects = [made(*one) for one in IN_ORDER]
    random.Random(7).shuffle(objects)
    split = [[(o["apiVersion"], o["kind"]) for o in stage] for stage in stages.split(objects)]
    assert split == [IN_ORDER[:3], IN_ORDER[3:10], IN_ORDER[10:]]


def test_kinds_the_administrator_names_come_before_the_rest() -> None:
    objects = [made("v1", "ConfigMap"), made("acme.io/v1", "Database"), made("other.io/v1", "Database")]
    split = stages.split(objects, custom_kinds=frozenset({GroupKind("acme.io", "Database")}))
    assert [[o["apiVersion"] for o in stage] for stage in split] == [["acme.io/v1"], ["v1", "other.io/v1"]]


def test_a_definition_named_as_custom_kind_stays_a_definition() -> None:
    objects = [made("v1", "Namespace"), made("node.k8s.io/v1", "RuntimeClass")]
    kinds = frozenset({GroupKind("", "Namespace"), GroupKind("node.k8s.io", "RuntimeClass")})
    assert stages.split(objects, custom_kinds=kinds) == [[objects[0]], [objects[1]]]


def test_no_objects_make_no_stages() -> None:
    assert stages.split([]) == []


@pytest.mark.parametrize(
    ("api_version", "kind", "waits"),
    [
        pytest.param("v1", "Namespace", True, id="a-namespace"),
        pytest.param("apiextensions.k8s.io/v1", "CustomResourceDefinition", True, id="a-definition"),
        pytest.param(
            "apiextensions.k8s.io/v1beta1", "CustomResourceDefinition", True, id="an-old-definition"
        ),
        pytest.param("rbac.authorization.k8s.io/v1", "ClusterRole", True, id="a-cluster-role"),
        pytest.param("storage.k8s.io/v1", "StorageClass", True, id="a-class"),
        pytest.param("servicebus.azure.com/v1", "Namespace", False, id="a-cloud's-own-kind-of-namespace"),
        pytest.param("apps/v1", "Deployment", False, id="a-workload"),
    ],
)
def test_only_what_others_are_defined_by_is_waited_for(api_version: str, kind: str, waits: bool) -> None:
    stage = [made("v1", "Secret"), made(api_version, kind)]
    assert stages.waits_for_readiness(stage) is waits
    assert (len(stages.split(stage)) == 2) is waits
