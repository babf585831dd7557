# SPDX-License-Identifier: Apache-2.0
"""One run of a Kustomization: what its steps share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from policies import build_inputs, ledger
from policies.ignored_fields import IgnoredFields
from policies.kinds import Kustomization
from policies.kustomization import elsewhere
from policies.objects import ObjectRef
from workers.context import Context
from workers.reconcile.apply import Options
from workers.reconcile.configs import Configs
from workers.reconcile.kustomization_status import Report
from workers.reconcile.memory import Memory
from workers.reconcile.status import Record
from workers.reconcile.target import Target, target_of


@dataclass
class Run:
    """One run: the object under its fence, where and as whom we act, and what has to be told at the end."""

    context: Context
    record: Record
    spec: Kustomization
    report: Report
    configs: Configs

    @cached_property
    def known(self) -> ledger.Known:
        """What is noted down about its objects; nothing of those on another cluster, which nobody watches."""
        if elsewhere(self.record.obj):
            return ledger.NOTHING
        return self.context.ledger.of((self.record.ref.namespace, self.record.ref.name))

    @cached_property
    def target(self) -> Target:
        """Opened when first used: what needs no other cluster must not fail for it."""
        return target_of(self.context, self.record.obj)

    @property
    def options(self) -> Options:
        """How its objects are applied."""
        rules = [rule.model_dump(by_alias=True, exclude_none=True) for rule in self.spec.spec.ignore or []]
        settings = self.context.settings
        return Options(
            force=bool(self.spec.spec.force),
            ignored=IgnoredFields(rules),
            managers=settings.override_manager,
            migrate_version=settings.gate("MigrateAPIVersion"),
            custom_kinds=frozenset(settings.custom_apply_stage_kinds),
            in_flight=settings.concurrent_ssa,
        )

    def memory(self, old: list[ObjectRef]) -> Memory:
        """Return what is known of the objects, `old` being all that was applied before."""
        settings = self.context.settings
        return Memory(
            self.known,
            inventory={ref.id for ref in old},
            now=self.context.now().timestamp(),
            managers=settings.override_manager,
            migrate_version=settings.gate("MigrateAPIVersion"),
            ignored=self.options.ignored,
            salt=build_inputs.salt(self.record.obj, settings),
        )

    def looked(self, reads: Mapping[str, str] | None) -> None:
        """Keep where a build looked that nobody may skip: who reads a file is asked of others, too."""
        if reads is not None:
            self.context.ledger.looked((self.record.ref.namespace, self.record.ref.name), reads)

    def remember(
        self,
        memory: Memory,
        stale: Sequence[ObjectRef] = (),
        built: ledger.Built | None = None,
    ) -> None:
        """Keep what was applied for the next run; of another cluster nothing can be known."""
        if elsewhere(self.record.obj):
            return
        owner = self.record.ref.namespace, self.record.ref.name
        unsure = {*memory.unsure, *(ref.id for ref in stale)}
        self.context.ledger.record(owner, memory.applied, unsure=unsure, built=built)
        self.known = replace(self.known, applied={**self.known.applied, **memory.applied})
