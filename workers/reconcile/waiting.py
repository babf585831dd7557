# SPDX-License-Identifier: Apache-2.0
"""Which objects a Kustomization's health depends on, and how they are now."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from policies.health import NOT_FOUND, Health, Verdict, forgive_vanished
from policies.kinds import Kustomization
from policies.objects import Object, ObjectRef, split_api_version
from workers.cluster import ApiError, Client, NoMatch, NotFound
from workers.reconcile.judging import Judge


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
    own = ("Kustomization", spec.metadata.namespace, spec.metadata.name)
    refs = [ref for ref in applied if ref.id not in skipped] if spec.spec.wait else _checked(spec)
    return [ref for ref in refs if (ref.kind, ref.namespace, ref.name) != own]


def _checked(spec: Kustomization) -> list[ObjectRef]:
    refs = []
    for check in spec.spec.health_checks or []:
        group, version = split_api_version(check.api_version or "")
        namespace = check.namespace or spec.metadata.namespace
        refs.append(ObjectRef(group, version, check.kind, namespace, check.name))
    return refs


def look(
    client: Client,
    pool: ThreadPoolExecutor,
    refs: Iterable[ObjectRef],
    judge: Judge,
    *,
    vanishing: Collection[ObjectRef] = (),
) -> Outcome:
    """Read every object and judge it; those Jobs that were `vanishing` may be gone."""
    refs = list(refs)
    found = list(pool.map(lambda ref: _read(client, ref), refs))
    healths = iter(judge.healths([one for one in found if not isinstance(one, Health)]))
    judged = [one if isinstance(one, Health) else next(healths) for one in found]
    return Outcome(forgive_vanished(dict(zip(refs, judged, strict=True)), vanishing))


def _read(client: Client, ref: ObjectRef) -> Object | Health:
    try:
        return client.get(_served(client, ref))
    except NoMatch as error:
        return Health(Verdict.UNKNOWN, error.message)
    except NotFound:
        return NOT_FOUND
    except ApiError as error:
        return Health(Verdict.UNKNOWN, error.message)


def _served(client: Client, ref: ObjectRef) -> ObjectRef:
    """Return it in a version the cluster has: of the one a check names, only the group counts."""
    try:
        client.resource(ref)
    except NoMatch:
        return replace(ref, version=client.discovery.preferred(ref.group, ref.kind).version)
    return ref
