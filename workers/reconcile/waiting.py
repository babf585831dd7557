# SPDX-License-Identifier: Apache-2.0
"""Which objects a Kustomization's health depends on, and how they are now."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from policies.health import Health, Verdict
from policies.health import status as health
from policies.kinds import Kustomization
from policies.objects import ObjectRef, split_api_version
from workers.cluster import Client, Forbidden, NoMatch, NotFound


@dataclass(frozen=True)
class Outcome:
    """One look at all of them."""

    healths: dict[ObjectRef, Health]

    @property
    def done(self) -> bool:
        return all(h.verdict is Verdict.CURRENT for h in self.healths.values())

    @property
    def failed(self) -> bool:
        return any(h.verdict is Verdict.FAILED for h in self.healths.values())


def set_of(
    spec: Kustomization, applied: Iterable[ObjectRef], *, skipped: Collection[str] = ()
) -> list[ObjectRef]:
    """Return what is waited for: everything applied with `wait`, else spec.healthChecks, else nothing.

    The Kustomization itself is left out, or it would wait for itself.
    """
    if spec.spec.wait:
        return [ref for ref in applied if ref.id not in skipped]
    own = (spec.metadata.namespace, spec.metadata.name)
    refs = []
    for check in spec.spec.health_checks or []:
        group, version = split_api_version(check.api_version or "")
        if (check.kind, check.namespace, check.name) != ("Kustomization", *own):
            refs.append(ObjectRef(group, version, check.kind, check.namespace or own[0], check.name))
    return refs


def look(client: Client, pool: ThreadPoolExecutor, refs: Iterable[ObjectRef]) -> Outcome:
    """Read every object and judge it."""
    refs = list(refs)
    return Outcome(dict(zip(refs, pool.map(lambda ref: _health(client, ref), refs), strict=True)))


def _health(client: Client, ref: ObjectRef) -> Health:
    try:
        return health(client.get(ref))
    except (NotFound, NoMatch):
        return Health(Verdict.NOT_FOUND, "Resource not found")
    except Forbidden as error:
        return Health(Verdict.UNKNOWN, error.message)
