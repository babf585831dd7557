# SPDX-License-Identifier: Apache-2.0
"""Ask for a run of what a Receiver names: an annotation on each object, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from policies.errors import FairwayError
from policies.expressions import Answer, Expression
from policies.kinds import Receiver
from policies.kinds.receiver import Resource
from policies.kustomization import REQUESTED_AT
from policies.objects import Object, ObjectRef
from policies.receivers import targets
from policies.receivers.targets import NoTarget, Target, has_filters
from workers.cluster import ApiError, Client
from workers.context import Context
from workers.engine import EngineError, Evaluation

log = logging.getLogger(__name__)
MANAGER = "notification-controller"
_TIMEOUT = 10.0  # seconds for all filters of one entry; the engine gives them less

__all__ = ["has_filters", "notify"]


class _Failed(Exception):
    """One entry of spec.resources cannot be carried out to its end."""


def notify(
    context: Context, receiver: Receiver, request: dict[str, Any], claims: dict[str, Any] | None, asked: str
) -> list[str]:
    """Annotate what a webhook concerns with `asked`; returns what went wrong, an entry each.

    The others are done.
    """
    seen = {"req": request} | ({} if claims is None else {"claims": claims})
    problems = []
    for place, entry in enumerate(receiver.spec.resources):
        try:
            _entry(context, receiver, entry, seen, asked)
        except (NoTarget, _Failed, FairwayError) as error:
            problems.append(f"resources[{place}] ({entry.kind} {entry.name}): {error}")
    return problems


def _entry(context: Context, receiver: Receiver, entry: Resource, seen: dict[str, Any], asked: str) -> None:
    blocked = context.settings.no_cross_namespace_refs
    wanted = targets.target(receiver, entry, no_cross_namespace_refs=blocked)
    objects = _objects(context.cluster, wanted)
    if not objects:
        log.warning("webhook finds nothing: no %s with the labels %s", wanted, wanted.labels)
    filters = targets.filters(receiver, entry)
    for obj, answers in zip(objects, _asked(context, filters, objects, seen), strict=True):
        if not _accepted(filters, answers):
            continue
        note = {"metadata": {"annotations": {REQUESTED_AT: asked}}}
        context.cluster.patch(ObjectRef.of(obj), note, manager=MANAGER)


def _objects(client: Client, wanted: Target) -> list[Object]:
    kind = wanted.group, wanted.version, wanted.kind
    try:
        if wanted.name != targets.ALL:
            return [client.get(ObjectRef(*kind, wanted.namespace, wanted.name))]
        resource = client.discovery.resource(*kind)
        listed, _ = client.list(
            resource, namespace=wanted.namespace, labels=wanted.labels, metadata_only=True
        )
        # Each says of itself that it is metadata, and not of what.
        return [{**obj, "apiVersion": wanted.api_version, "kind": wanted.kind} for obj in listed]
    except ApiError as error:
        raise _Failed(f"unable to read {wanted}: {error.message}") from None


def _asked(
    context: Context, filters: Sequence[Expression], objects: Sequence[Object], seen: dict[str, Any]
) -> list[list[Answer]]:
    """Return the answers of all filters for each object; the body is sent to the engine once."""
    if not filters or not objects:
        return [[] for _ in objects]
    questions = [(n, place) for place in range(len(objects)) for n in range(len(filters))]
    data = [{"res": targets.shown(obj)} for obj in objects]
    try:
        request = Evaluation(filters, data, questions, shared=seen)
        found = context.asking.evaluate(request, timeout=_TIMEOUT).answers
    except EngineError as error:
        raise _Failed(f"its filters cannot be evaluated: {error}") from None
    return [found[place : place + len(filters)] for place in range(0, len(found), len(filters))]


def _accepted(filters: Sequence[Expression], answers: Sequence[Answer]) -> bool:
    """Tell whether all filters let an object pass; the first that does not decides."""
    for asked, answer in zip(filters, answers, strict=True):
        if answer.error:  # which may quote what was sent
            raise _Failed(f"the filter {asked.text!r} cannot be evaluated on what was sent")
        if not answer.holds:
            return False
    return True
