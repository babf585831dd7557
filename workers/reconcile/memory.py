# SPDX-License-Identifier: Apache-2.0
"""What one apply may take for granted, and what it leaves for the next one."""

from __future__ import annotations

from collections.abc import Collection

from policies import ledger, ownership
from policies.health import Health
from policies.ignored_fields import IgnoredFields
from policies.ledger import NOTHING, Applied, Known, Standing
from policies.objects import Object, ObjectRef


class Memory:
    """The ledger of one Kustomization during one run; it does no I/O, and without `known` it knows nothing.

    `inventory` are the ids of what the Kustomization has applied before: None when that is not known. `now`
    is Unix time. `salt` is whatever else than the object decides how it is applied.
    """

    def __init__(
        self,
        known: Known = NOTHING,
        *,
        inventory: Collection[str] | None = None,
        now: float = 0.0,
        managers: tuple[str, ...] = (),
        migrate_version: bool = False,
        ignored: IgnoredFields | None = None,
        salt: str = "",
    ) -> None:
        self.known = known
        self._inventory = inventory
        self._now = now
        self._managers = managers
        self._migrate_version = migrate_version
        self._ignored = ignored or IgnoredFields(())
        self._salt = salt
        self.applied: dict[str, Applied] = {}
        self.unsure: set[str] = set()

    def standing(self, desired: Object, live: Object | None = None) -> Standing:
        """Return how an object stands, by its `live` state where that was read, else by what was seen."""
        one = ObjectRef.of(desired).id
        seen = self.known.seen.get(one)
        if one in self.unsure:
            return Standing.UNSURE
        if ownership.says("ssa", "ifnotpresent", desired) or ownership.left_alone(desired, live):
            return Standing.UNSURE
        if live is None and (seen is None or seen.left_alone):
            return Standing.UNSURE
        mark = ledger.mark_of(live, managers=self._managers) if live else (seen.mark if seen else None)
        return ledger.standing(self.known.applied.get(one), mark, self._wanted(desired), self._now)

    def is_new(self, desired: Object) -> bool:
        """Tell whether the Kustomization has not applied the object before, so that it hardly exists."""
        if self._inventory is None or ownership.says("ssa", "ifnotpresent", desired):
            return False
        return ObjectRef.of(desired).id not in self._inventory and not ownership.left_alone(desired)

    def before(self, ref: ObjectRef) -> Applied | None:
        """Return what was noted down when the object was applied last."""
        return self.known.applied.get(ref.id)

    def verdict(self, ref: ObjectRef) -> Health | None:
        """Return how an object is that was settled; None when no watch has said."""
        return ledger.verdict(self.known, ref.id)

    def note(self, desired: Object, answer: Object) -> None:
        """Note an object that is on the cluster as wanted, unless fields of it are to be ignored."""
        one, entry = ObjectRef.of(desired).id, None
        if not self._ignored.paths(desired):
            entry = ledger.applied(
                self._wanted(desired),
                desired,
                answer,
                self._now,
                managers=self._managers,
                migrate_version=self._migrate_version,
            )
        if entry is None:
            self.forget(ObjectRef.of(desired))
        else:
            self.applied[one] = entry

    def forget(self, ref: ObjectRef) -> None:
        """Have the object looked at the next time."""
        self.applied.pop(ref.id, None)
        self.unsure.add(ref.id)

    def _wanted(self, desired: Object) -> str:
        return ledger.digest([self._salt, desired])
