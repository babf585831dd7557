# SPDX-License-Identifier: Apache-2.0
"""The Kustomizations that read a branch of a repository, and what each of them reads."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from policies.objects import Object
from policies.rollback import Reader
from workers.context import Context
from workers.images.place import Place
from workers.orders.following import following


class Readers:
    """Looked up once in a run, when first needed; only what the repository may concern."""

    def __init__(self, context: Context, place: Place, branch: str) -> None:
        self._context, self._place, self._branch = context, place, branch

    @cached_property
    def objects(self) -> dict[str, Object]:
        """Return the Kustomizations by `namespace/name`."""
        tenant = self._place.narrowed.tenant
        _, found = following(self._context, self._place.repository, self._branch, tenant)
        return {"/".join(_owner(obj)): obj for obj in sorted(found, key=_owner)}

    @cached_property
    def by_name(self) -> dict[str, Reader]:
        """Return where each reads, by `namespace/name`."""
        reads = self._context.ledger.reads([_owner(obj) for obj in self.objects.values()])
        return {
            name: Reader(obj["spec"].get("path") or "", reads[_owner(obj)])
            for name, obj in self.objects.items()
        }

    @property
    def lost(self) -> bool:
        """Tell whether one was built once and it is not known any more what it read; the next build tells."""
        return any(
            self.by_name[name].reads is None and (obj.get("status") or {}).get("lastAppliedRevision")
            for name, obj in self.objects.items()
        )

    def of(self, paths: Iterable[str]) -> dict[str, Object]:
        """Return the Kustomizations that read one of these files."""
        files = list(paths)
        return {
            name: obj
            for name, obj in self.objects.items()
            if any(self.by_name[name].reads_file(path, comes_or_goes=False) for path in files)
        }

    def environments(self, paths: Iterable[str]) -> list[str]:
        """Return the environments in which one of these files is read."""
        return self._environments(self.of(paths).values())

    def possible_environments(self, paths: Iterable[str]) -> list[str]:
        """Return the environments in which one of these files may be read: a lock there stops a merge."""
        files = list(paths)
        return self._environments(
            obj
            for name, obj in self.objects.items()
            if any(self.by_name[name].may_read(path, comes_or_goes=False) for path in files)
        )

    def _environments(self, objects: Iterable[Object]) -> list[str]:
        tenant = self._place.narrowed.tenant
        namespaces = {obj["metadata"]["namespace"] for obj in objects}
        return sorted({one.name for namespace in namespaces for one in tenant.environments(namespace)})


def _owner(obj: Object) -> tuple[str, str]:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]
