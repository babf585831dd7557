# SPDX-License-Identifier: Apache-2.0
"""In which order a Kustomization's objects are applied.

Flux applies definitions first (CRDs, namespaces, cluster roles), then class definitions, then kinds the
administrator names, then the rest; inside a stage the order below holds, other kinds by group and kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from policies.objects import GroupKind, Object, ObjectRef

_FIRST = (
    "CustomResourceDefinition",
    "Namespace",
    "ClusterRole",
    "ClusterClass",
    "RuntimeClass",
    "PriorityClass",
    "StorageClass",
    "VolumeSnapshotClass",
    "IngressClass",
    "GatewayClass",
    "ClusterRoleBinding",
    "ResourceQuota",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
    "LimitRange",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
)
_LAST = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
# By group too: a cloud's operator may well have a Namespace of its own, which takes minutes to come up.
_DEFINITIONS = frozenset(
    {
        GroupKind("apiextensions.k8s.io", "CustomResourceDefinition"),
        GroupKind("", "Namespace"),
        GroupKind("rbac.authorization.k8s.io", "ClusterRole"),
    }
)
_CLASS = "Class"

_RANK = {kind: rank for rank, kind in enumerate(_FIRST)}
_RANK |= {kind: len(_FIRST) + 1 + rank for rank, kind in enumerate(_LAST)}


def sort_key(ref: ObjectRef) -> tuple[int, str, str, str, str]:
    """Order two objects as Flux applies them."""
    return _RANK.get(ref.kind, len(_FIRST)), ref.group, ref.kind, ref.namespace, ref.name


def split(
    objects: Iterable[Object], *, custom_kinds: frozenset[GroupKind] = frozenset()
) -> list[list[Object]]:
    """Split objects into stages, each sorted; empty stages are left out."""
    stages: tuple[list[Object], ...] = ([], [], [], [])
    for obj in objects:
        ref = ObjectRef.of(obj)
        if ref.group_kind in _DEFINITIONS:
            stages[0].append(obj)
        elif ref.kind.endswith(_CLASS):
            stages[1].append(obj)
        elif ref.group_kind in custom_kinds:
            stages[2].append(obj)
        else:
            stages[3].append(obj)
    return [sorted(stage, key=lambda o: sort_key(ObjectRef.of(o))) for stage in stages if stage]


def waits_for_readiness(stage: Sequence[Object]) -> bool:
    """Tell whether the next stage may need what this one defines."""
    refs = (ObjectRef.of(obj) for obj in stage)
    return any(ref.group_kind in _DEFINITIONS or ref.kind.endswith(_CLASS) for ref in refs)
