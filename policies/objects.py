# SPDX-License-Identifier: Apache-2.0
"""What identifies a Kubernetes object, and how Flux writes it down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class GroupKind:
    group: str
    kind: str


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """One object: group, version, kind, namespace ("" when cluster-scoped) and name."""

    group: str
    version: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, obj: Mapping[str, Any]) -> ObjectRef:
        """Read the identity of an object as it comes from Git or the API server."""
        group, version = split_api_version(obj.get("apiVersion", ""))
        metadata = obj.get("metadata") or {}
        return cls(
            group, version, obj.get("kind", ""), metadata.get("namespace") or "", metadata.get("name", "")
        )

    @classmethod
    def parse(cls, entry_id: str, version: str) -> ObjectRef:
        """Read an inventory entry; raises ValueError when it is none.

        cli-utils joins the parts with `_`, which no namespace, group or kind contains. A colon in an
        RBAC name is written `__`, and a name may hold single underscores only in that form.
        """
        namespace, _, rest = entry_id.partition("_")
        rest, _, kind = rest.rpartition("_")
        name, found, group = rest.rpartition("_")
        if not (found and kind and name):
            raise ValueError(f"inventory id {entry_id!r} is not <namespace>_<name>_<group>_<Kind>")
        return cls(group, version, kind, namespace, name.replace("__", ":"))

    @property
    def id(self) -> str:
        """The inventory id, as cli-utils writes it."""
        return f"{self.namespace}_{self.name.replace(':', '__')}_{self.group}_{self.kind}"

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def group_kind(self) -> GroupKind:
        return GroupKind(self.group, self.kind)

    def __str__(self) -> str:
        """`Kind/namespace/name`, as Flux names an object to people."""
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)


def split_api_version(api_version: str) -> tuple[str, str]:
    """Split `apps/v1` into ("apps", "v1") and `v1` into ("", "v1")."""
    group, _, version = api_version.rpartition("/")
    return group, version


def annotations_of(obj: Mapping[str, Any]) -> Mapping[str, str]:
    return (obj.get("metadata") or {}).get("annotations") or {}


def labels_of(obj: Mapping[str, Any]) -> Mapping[str, str]:
    return (obj.get("metadata") or {}).get("labels") or {}
