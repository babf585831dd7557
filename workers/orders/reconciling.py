# SPDX-License-Identifier: Apache-2.0
"""/reconcile and /retry: have objects worked on now, by the annotation that `flux reconcile` sets too."""

from __future__ import annotations

from policies import conditions
from policies.kustomization import REQUESTED_AT
from policies.objects import Object, ObjectRef
from policies.orders.grammar import Written
from policies.orders.permissions import Allowed
from policies.surface import orders, reconciling
from workers.cluster import NotFound
from workers.orders.desk import Desk
from workers.orders.following import following
from workers.orders.outcome import Outcome, record_name

_MANAGER = "flux-client-side-apply"  # a name that no controller takes fields away from


def namespaces(desk: Desk, order: Written) -> frozenset[str]:
    """Return where the objects are that the order concerns."""
    return frozenset(obj["metadata"]["namespace"] for obj in _objects(desk, order))


def act(desk: Desk, order: Written, allowed: Allowed) -> Outcome:
    """Ask for a run of each object in the namespaces that are allowed."""
    found = [o for o in _objects(desk, order) if o["metadata"]["namespace"] in allowed.namespaces]
    again = order.command.name == "retry"
    if not found:
        branch = desk.pull.base_ref
        why = reconciling.nothing_follows(branch, order.value("environment"))
        return Outcome(True, orders.nothing_to_do(order.text, why))
    if again:
        found = [obj for obj in found if not conditions.is_true(conditions.of(obj), conditions.READY)]
        if not found:
            return Outcome(True, orders.nothing_to_do(order.text, reconciling.nothing_failed()))
    # The same word each time the order is carried out, so that a replay sets nothing off.
    token = record_name(desk, order)
    asked = [str(ref) for obj in found if _request(desk, ref := ObjectRef.of(obj), token)]
    return Outcome(True, (reconciling.again if again else reconciling.asked)(asked))


def _objects(desk: Desk, order: Written) -> list[Object]:
    """Return the sources first: what is made of them waits for them."""
    tenant = desk.narrowed.tenant
    sources, kustomizations = following(desk.context, desk.name, desk.pull.base_ref, tenant)
    named = order.value("environment")
    environment = tenant.environment(named) if named else None
    return [
        obj
        for obj in (*sources, *kustomizations)
        if not named or (environment and environment.covers(obj["metadata"]["namespace"]))
    ]


def _request(desk: Desk, ref: ObjectRef, token: str) -> bool:
    try:
        patch = {"metadata": {"annotations": {REQUESTED_AT: token}}}
        desk.context.cluster.patch(ref, patch, manager=_MANAGER)
    except NotFound:
        return False  # deleted since
    return True
