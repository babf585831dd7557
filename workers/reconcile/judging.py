# SPDX-License-Identifier: Apache-2.0
"""How objects are: by their Kustomization's own expressions, and where it has none by their kind's rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from policies.health import Health, status
from policies.health import expressions as health_expressions
from policies.health.expressions import Rules
from policies.objects import Object, ObjectRef
from workers.engine import Engine
from workers.reconcile import expressions


class Judge:
    """Judges live objects as the Kustomization with this spec wants them judged."""

    def __init__(self, engine: Engine, spec: Mapping[str, Any], *, now: datetime) -> None:
        self._engine = engine
        self._rules = Rules.of(spec)
        self._now = now

    def has_rule(self, ref: ObjectRef) -> bool:
        """Tell whether expressions judge objects of this kind."""
        return self._rules.find(ref.group_kind) is not None

    def healths(self, objects: Sequence[Object]) -> list[Health]:
        """Return how each object is; all expressions are evaluated in one request."""
        rules = [self._rules.find(ObjectRef.of(obj).group_kind) for obj in objects]
        asked = [(obj, rule.expressions) for obj, rule in zip(objects, rules, strict=True) if rule]
        answers = iter(expressions.on_objects(self._engine, asked))
        return [
            health_expressions.judge(rule, obj, next(answers)) if rule else status(obj, now=self._now)
            for obj, rule in zip(objects, rules, strict=True)
        ]
