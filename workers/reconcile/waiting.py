# SPDX-License-Identifier: Apache-2.0
"""Which objects a Kustomization's health depends on, and how they are now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import MappingProxyType

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
    answers: Mapping[str, Object] = MappingProxyType({}),
    verdicts: Mapping[ObjectRef, Health] = MappingProxyType({}),
) -> Outcome:
    """Judge every object; those Jobs that were `vanishing` may be gone.

    What the API server has just answered (`answers`, by id) or a watch has seen (`verdicts`) is not read.
    """
    refs = list(refs)

    def find(ref: ObjectRef) -> Object | Health:
        return answers.get(ref.id) or verdicts.get(ref) or _read(client, ref)

    known = [find(ref) if ref.id in answers or ref in verdicts else None for ref in refs]
    unread = iter(list(pool.map(find, [ref for ref, one in zip(refs, known, strict=True) if one is None])))
    found = [next(unread) if one is None else one for one in known]
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
