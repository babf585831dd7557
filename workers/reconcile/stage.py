# SPDX-License-Identifier: Apache-2.0
"""One stage of an apply: look, rehearse as a dry-run, take over from other managers, write what differs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

from policies import drift, ownership
from policies.ignored_fields import IgnoredFields
from policies.ledger import Standing
from policies.objects import GroupKind, Object, ObjectRef
from policies.ownership import FIELD_MANAGER, Action
from policies.takeover import takeover
from workers.cluster import ApiError, Client, Conflict
from workers.reconcile.failures import ApplyFailed
from workers.reconcile.lanes import in_lanes
from workers.reconcile.memory import Memory
from workers.reconcile.recreation import Recreation, is_immutable, refusing

_TAKEOVER_TRIES = 5
I = TypeVar("I")  # noqa: E741 (an item)
T = TypeVar("T")


class Done(StrEnum):
    """What became of an object, in the words of Flux's change log."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Change:
    ref: ObjectRef
    done: Done
    object: Object | None = None  # as the API server answered


@dataclass(frozen=True, slots=True)
class Difference:
    """An object that is not as wanted: `live` is None when it is missing."""

    ref: ObjectRef
    live: Object | None
    wanted: Object
    recreated: bool = False


def news(changes: Iterable[Change]) -> list[str]:
    """Return the lines of the change log: what was created or configured."""
    return [f"{c.ref} {c.done}" for c in changes if c.done in (Done.CREATED, Done.CONFIGURED)]


@dataclass(frozen=True)
class Options:
    """How objects are applied: spec.force, spec.ignore, and what the administrator set for all."""

    force: bool = False
    ignored: IgnoredFields = field(default_factory=lambda: IgnoredFields(()))
    managers: tuple[str, ...] = ()
    migrate_version: bool = False
    custom_kinds: frozenset[GroupKind] = frozenset()
    in_flight: int = 4


@dataclass(frozen=True, slots=True)
class Item:
    """An object on its way: what is wanted, what is there, and what the dry-run said.

    `live` is None also where nobody has looked: `standing` tells what is known all the same.
    """

    desired: Object
    live: Object | None
    action: Action
    looked: bool = True
    standing: Standing = Standing.UNSURE
    dry_run: Object | None = None
    taken_over: bool = False

    @property
    def ref(self) -> ObjectRef:
        return ObjectRef.of(self.desired)


class Stage:
    """Apply the objects of one stage as one user."""

    def __init__(
        self,
        client: Client,
        pool: ThreadPoolExecutor,
        options: Options,
        memory: Memory | None = None,
    ) -> None:
        self._client = client
        self._pool = pool
        self._options = options
        self._memory = memory or Memory()
        self._recreation = Recreation(client, force=options.force)

    def apply(self, objects: Sequence[Object], changes: list[Change]) -> None:
        """Apply the objects, adding what was done; raises ApplyFailed naming the object at fault."""
        items = self._each(self._look, objects)
        alone = sum(item.action is Action.APPLY for item in items) == 1
        for item in self._each(lambda item: self._rehearse(item, alone=alone), items):
            change = self._write(item)
            changes.append(change)
            if change.done is Done.SKIPPED:
                self._memory.forget(change.ref)
            elif change.object is not None:
                self._memory.note(item.desired, change.object)

    def differing(self, objects: Sequence[Object]) -> list[Difference]:
        """Return which objects differ from what is wanted, without writing anything."""

        def compare(item: Item) -> Difference | None:
            if item.action is Action.SKIP:
                return None
            if item.live is None:
                return Difference(item.ref, None, item.desired)
            try:
                answer = self._apply(item.desired, dry_run=True)
            except ApiError as error:
                recreated = ownership.may_recreate(item.desired, item.live, force=self._options.force)
                if recreated and is_immutable(error):
                    return Difference(item.ref, item.live, item.desired, recreated=True)
                raise ApplyFailed(item.ref, "dry-run failed", error) from error
            live = self._fresh(replace(item, dry_run=answer)).live
            if live is None or not self._differs(live, answer):
                return None if live else Difference(item.ref, None, item.desired)
            return Difference(item.ref, *self._options.ignored.compared(live, answer))

        return [found for found in self._each(compare, self._each(self._read, objects)) if found]

    def _look(self, obj: Object) -> Item:
        """Find out how an object stands, asking the API server only where memory does not tell."""
        standing = self._memory.standing(obj)
        if standing is Standing.SETTLED:
            return Item(obj, None, Action.KEEP, looked=False)
        outdated = standing is Standing.OUTDATED and not self._options.ignored.paths(obj)
        if outdated or self._memory.is_new(obj):
            return Item(obj, None, Action.APPLY, looked=False, standing=standing)
        item = self._read(obj)
        if item.live and self._memory.standing(obj, item.live) is Standing.SETTLED:
            return replace(item, action=Action.KEEP)
        return item

    def _read(self, obj: Object) -> Item:
        ref = ObjectRef.of(obj)
        try:
            live = self._client.find(ref)
        except ApiError as error:
            raise ApplyFailed(ref, "dry-run failed", error) from error
        return Item(obj, live, ownership.action_for(obj, live))

    def _each(self, work: Callable[[I], T], items: Sequence[I]) -> list[T]:
        return in_lanes(self._pool, self._options.in_flight, work, items)

    def _rehearse(self, item: Item, *, alone: bool) -> Item:
        """Dry-run the object, unless it is the only one written and nothing is to be learned from it."""
        if item.action is not Action.APPLY:
            return item
        if not item.looked:
            if not alone:
                return self._rehearse_unseen(item)
            if item.standing is Standing.OUTDATED:
                return item
            item = self._read(item.desired)
            if item.action is not Action.APPLY:
                return item
        if alone and not (item.live and (self._patch(item) or self._options.ignored.paths(item.desired))):
            return item
        try:
            item = replace(item, dry_run=self._apply(item.desired, dry_run=True))
        except ApiError as error:
            item = self._made_room(item, "dry-run failed", error)
            dry_run = refusing(item.ref, "dry-run failed", lambda: self._apply(item.desired, dry_run=True))
            item = replace(item, dry_run=dry_run)
        return self._taken_over(self._fresh(item))

    def _rehearse_unseen(self, item: Item) -> Item:
        """Dry-run an object nobody has looked at: the answer tells whether a look is needed after all."""
        try:
            answer = self._apply(item.desired, dry_run=True)
        except ApiError:
            return self._rehearse(self._read(item.desired), alone=False)
        # What does not exist yet has no version in the answer.
        if item.standing is Standing.OUTDATED or not answer["metadata"].get("resourceVersion"):
            return replace(item, dry_run=answer)
        item = self._read(item.desired)
        if item.action is not Action.APPLY:
            return item
        return self._taken_over(self._fresh(replace(item, dry_run=answer)))

    def _write(self, item: Item) -> Change:
        if item.action is Action.KEEP:
            return Change(item.ref, Done.UNCHANGED, item.live)
        if item.action is Action.SKIP:
            return Change(item.ref, Done.SKIPPED, item.live)
        payload = item.desired
        if item.live and item.dry_run:
            if not item.taken_over and not self._differs(item.live, item.dry_run):
                return Change(item.ref, Done.UNCHANGED, item.live)
            payload = self._options.ignored.payload(payload, item.live, item.dry_run)
        try:
            applied = self._apply(payload)
        except ApiError as error:
            item = item if item.looked else self._read(item.desired)
            item = self._made_room(item, "apply failed", error)
            applied = refusing(item.ref, "apply failed", lambda: self._apply(payload))
        return Change(item.ref, self._done(item, applied), applied)

    def _done(self, item: Item, applied: Object) -> Done:
        """Tell what an apply has done, by what was there before it."""
        before = self._memory.before(item.ref)
        if not item.looked and item.standing is Standing.OUTDATED and before:
            if before.mark.uid != applied["metadata"]["uid"]:
                return Done.CREATED
            return Done.UNCHANGED if str(before.version) == _version(applied) else Done.CONFIGURED
        if item.live is None:
            return Done.CREATED
        # Without a dry-run it is the answer that tells whether anything was to be done.
        same = item.dry_run is None and not self._differs(item.live, applied)
        return Done.UNCHANGED if same else Done.CONFIGURED

    def _differs(self, live: Object, answer: Object) -> bool:
        seen, wanted = self._options.ignored.compared(live, answer)
        # Whoever writes an ignored field may have taken it from us, which is what is wanted.
        return drift.drifted(seen, wanted, fields=seen is live)

    def _fresh(self, item: Item) -> Item:
        """See that the dry-run is compared with what it was made on: a controller may write in between."""
        live, answer = item.live, item.dry_run
        if live and answer and _version(live) != _version(answer) and self._differs(live, answer):
            return replace(item, live=self._client.find(item.ref))
        return item

    def _taken_over(self, item: Item) -> Item:
        """Give us the fields that managers Flux does not tolerate wrote on the live object."""
        for attempt in range(_TAKEOVER_TRIES):
            patch = self._patch(item)
            if not patch or item.live is None:
                return item
            # Replacing a list that somebody else just added to would lose his entry.
            fence = {
                "op": "replace",
                "path": "/metadata/resourceVersion",
                "value": item.live["metadata"]["resourceVersion"],
            }
            # Once our entry says what it said, only what is applied next makes it true again.
            self._memory.forget(item.ref)
            try:
                live = self._client.json_patch(item.ref, [*patch, fence], manager=FIELD_MANAGER)
                return replace(item, live=live, taken_over=True)
            except Conflict as error:
                if attempt + 1 == _TAKEOVER_TRIES:
                    raise ApplyFailed(item.ref, "metadata.managedFields cleanup failed", error) from error
                item = replace(item, live=self._client.find(item.ref))
            except ApiError as error:
                raise ApplyFailed(item.ref, "metadata.managedFields cleanup failed", error) from error
        return item

    def _patch(self, item: Item) -> list[dict[str, object]]:
        if item.live is None:
            return []
        return takeover(
            item.desired,
            item.live,
            managers=self._options.managers,
            migrate_version=self._options.migrate_version,
        )

    def _made_room(self, item: Item, what: str, error: ApiError) -> Item:
        self._recreation.make_room(item.desired, item.live, what, error)
        return replace(item, live=None)

    def _apply(self, obj: Object, *, dry_run: bool = False) -> Object:
        return self._client.apply(obj, manager=FIELD_MANAGER, dry_run=dry_run)


def _version(obj: Object) -> str:
    return str(obj["metadata"]["resourceVersion"])
