# SPDX-License-Identifier: Apache-2.0
"""What `fairway up` needs of the cluster first: our kinds, our namespace, and nobody else at it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from policies.errors import FairwayError
from policies.flux_leases import CONTROLLERS, foreign, how_to_stop, what_is_left, who_holds
from policies.kinds import ALL, Kind
from policies.kinds.crd import document
from policies.objects import Object, ObjectRef
from policies.settings import Settings
from workers.cluster import Client, NotFound
from workers.cluster.errors import TooManyRequests
from workers.flux_leases import FluxLeases, FluxRuns

MANAGER = "fairway"
# Without these something is missing; without the others nothing works.
_LEFT_OUT = frozenset({"image.toolkit.fluxcd.io", "notification.toolkit.fluxcd.io"})
_SERVED_TIMEOUT = 30.0  # seconds from the creation of a kind until the API server serves it


class KindNotServed(FairwayError):
    """A kind was installed, and the API server does not serve it."""


def refuse_beside_flux(client: Client, settings: Settings) -> None:
    """Raise FluxRuns when a Flux controller holds its Lease, or has objects that only it can serve."""
    leases, now = FluxLeases(client), datetime.now(UTC)
    for kind in CONTROLLERS:
        if other := foreign(leases.find(kind, settings.watch_label_selector), now):
            remedy = f"{how_to_stop(other['metadata']['namespace'], kind)}. Then run this again"
            raise FluxRuns(who_holds(other), remedy=remedy)
        if left := leases.unserved(kind):
            raise FluxRuns(what_is_left(kind, left))


def plan(client: Client, namespace: str) -> list[str]:
    """Return what `prepare` would do and what Fairway would own, a line each."""
    missing = [f"CustomResourceDefinition {_name(kind)}" for kind in ALL if _installed(client, kind) is None]
    if client.find(_namespace_ref(namespace)) is None:
        missing.append(f"Namespace {namespace}")
    lines = [f"reconciles {kind}" for kind in _owned(client)]
    lines += [f"leaves every {kind} alone: {why}" for kind, why in left_alone(client)]
    return lines + [f"creates {what}" for what in missing] + [f"keeps Leases in Namespace {namespace}"]


def prepare(client: Client, namespace: str) -> list[str]:
    """Create our namespace and the kinds that are missing, bring ours up to date; returns what was created.

    A kind of Flux's that somebody else installed stays as it is.
    """
    made = []
    if client.find(_namespace_ref(namespace)) is None:
        client.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}, manager=MANAGER
        )
        made.append(f"Namespace {namespace}")
    for kind in ALL:
        found = _installed(client, kind)
        if found is None:
            made.append(f"CustomResourceDefinition {_name(kind)}")
        if found is None or _is_fairways(kind) or _is_ours(found):
            client.apply(document(kind), manager=MANAGER)
    alone = {name for name, _ in left_alone(client)}
    for kind in ALL:
        if kind.definition.kind not in alone:
            _all(client, kind)
    return made


def left_alone(client: Client) -> list[tuple[str, str]]:
    """Return kinds that are not served, each with why: somebody else has installed an older version of it."""
    found = []
    for kind in ALL:
        about, there = kind.definition, _installed(client, kind)
        if about.group not in _LEFT_OUT or there is None or _is_ours(there):
            continue
        served = [one["name"] for one in there["spec"]["versions"] if one["served"]]
        if about.version not in served:
            why = f"{_name(kind)}, installed by others, has {', '.join(served)} and no {about.version}"
            found.append((about.kind, why))
    return found


def _owned(client: Client) -> Iterator[str]:
    alone = {name for name, _ in left_alone(client)}
    for kind in ALL:
        about = kind.definition
        if _is_fairways(kind) or about.kind in alone:
            continue
        if _installed(client, kind) is None:
            yield f"every {about.kind} ({_name(kind)}; there is none)"
            continue
        found = _all(client, kind)
        yield f"every {about.kind} ({_name(kind)}; there {'is' if len(found) == 1 else 'are'} {len(found)})"


def _installed(client: Client, kind: type[Kind]) -> Object | None:
    return client.find(ObjectRef("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "", _name(kind)))


def _is_fairways(kind: type[Kind]) -> bool:
    """Tell whether nobody but Fairway defines a kind."""
    return kind.definition.group == "fairway.dev"


def _is_ours(definition: Object) -> bool:
    entries = definition["metadata"].get("managedFields") or []
    return any(entry.get("manager") == MANAGER and entry.get("operation") == "Apply" for entry in entries)


def _name(kind: type[Kind]) -> str:
    return f"{kind.definition.plural}.{kind.definition.group}"


def _namespace_ref(name: str) -> ObjectRef:
    return ObjectRef("", "v1", "Namespace", "", name)


def _all(client: Client, kind: type[Kind]) -> list[Object]:
    """List a kind, waiting until the API server serves it when it has just been installed."""
    about = kind.definition
    deadline = time.monotonic() + _SERVED_TIMEOUT
    while True:
        try:
            return client.list(client.discovery.resource(about.group, about.version, about.kind))[0]
        except (NotFound, TooManyRequests):  # the second while its storage is made ready
            if time.monotonic() > deadline:
                raise KindNotServed(
                    f"{_name(kind)} is installed and not served by the API server",
                    remedy=f"kubectl describe crd {_name(kind)} says why",
                ) from None
            time.sleep(0.05)
