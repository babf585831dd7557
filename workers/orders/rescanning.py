# SPDX-License-Identifier: Apache-2.0
"""/rescan: the images of a pull request are looked for anew, and what the policies choose then is said.

First the ImageRepositories are asked to scan, by the annotation that `flux reconcile` sets; when they have,
the ImagePolicies to choose, so that what one says is of that scan. How far an order is stands in its Order:
several may ask the same objects, and each is content with any run that began after its own request.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from policies.clock import parse
from policies.images.rescans import is_asked, is_suspended, look, repository_of
from policies.images.whose import policies_of
from policies.kinds import ImagePolicy, ImageRepository
from policies.kustomization import REQUESTED_AT
from policies.objects import Object, ObjectRef
from policies.orders.grammar import Written
from policies.surface import image_orders as texts
from workers.cluster import NotFound
from workers.orders.desk import Desk
from workers.orders.outcome import Outcome, StillGoing, record_name, refused
from workers.orders.proposal import Proposal
from workers.orders.records import message_of

WAITS_FOR = timedelta(minutes=1)  # then it is said what is known
_MANAGER = "flux-client-side-apply"  # a name that no controller takes fields away from
_SCANNING, _CHOOSING = "the scans were asked for", "the choices were asked for"  # how far an order is
_POLICY, _REPOSITORY = ImagePolicy.definition.names, ImageRepository.definition.names


class _Images:
    """The ImagePolicies of a pull request with their ImageRepositories, as they are now."""

    def __init__(self, desk: Desk, proposal: Proposal) -> None:
        cluster, tenant = desk.context.cluster, desk.narrowed.tenant
        self._images = proposal.record.images
        self._policies = {
            policy: cluster.find(ObjectRef(*_POLICY, *name))
            for policy, name in policies_of(proposal.record).items()
        }
        named = {repository_of(obj) for obj in self._policies.values() if obj is not None}
        # What is in a namespace of somebody else is neither asked nor looked at.
        self.repositories = {
            name: cluster.find(ObjectRef(*_REPOSITORY, *name)) for name in named if tenant.covers(name[0])
        }

    @property
    def scans(self) -> list[Object]:
        return [obj for obj in self.repositories.values() if obj is not None]

    @property
    def choices(self) -> list[Object]:
        return [obj for obj in self._policies.values() if obj is not None]

    def said(self) -> str:
        looks = [
            look(policy, image, self._policies[policy], self.repositories)
            for policy, image in self._images.items()
        ]
        return texts.scanned(looks)


def namespaces(desk: Desk, order: Written) -> frozenset[str]:
    """Return where the objects are that are asked."""
    proposal = desk.proposal
    if not isinstance(proposal, Proposal):
        return frozenset()
    return frozenset({proposal.namespace, *(name[0] for name in _Images(desk, proposal).repositories)})


def act(desk: Desk, order: Written, record: Object) -> Outcome:
    """Ask for the scans; raises StillGoing, after which `go_on` looks for them, and ApiError."""
    proposal = desk.proposal
    if not isinstance(proposal, Proposal):
        return Outcome(False, texts.not_here(order.text, proposal))
    if not desk.pull.open:
        return refused(order, texts.not_open(merged=desk.pull.merged_at is not None))
    _ask(desk, order, _Images(desk, proposal).scans)
    desk.records.write(record, "pending", _SCANNING)
    raise StillGoing("the scans go on")


def go_on(desk: Desk, order: Written, record: Object) -> Outcome | None:
    """Say what was chosen once that is over; None before anything was asked for. Raises StillGoing."""
    step, proposal = message_of(record), desk.proposal
    if not step:
        return None
    if not isinstance(proposal, Proposal):
        return Outcome(False, texts.not_here(order.text, proposal))
    images = _Images(desk, proposal)
    if desk.context.now() - parse(record["metadata"]["creationTimestamp"]) > WAITS_FOR:
        return Outcome(True, images.said())
    if any(map(is_asked, images.scans if step == _SCANNING else images.choices)):
        raise StillGoing("what was asked for goes on")
    if step == _SCANNING:
        _ask(desk, order, images.choices)
        desk.records.write(record, "pending", _CHOOSING)
        raise StillGoing("the choices go on")
    return Outcome(True, images.said())


def _ask(desk: Desk, order: Written, objects: Iterable[Object]) -> None:
    # The same word each time the order is carried out, so that a replay sets nothing off.
    patch = {"metadata": {"annotations": {REQUESTED_AT: record_name(desk, order)}}}
    for obj in objects:
        try:
            if not is_suspended(obj):
                desk.context.cluster.patch(ObjectRef.of(obj), patch, manager=_MANAGER)
        except NotFound:
            continue  # deleted since
