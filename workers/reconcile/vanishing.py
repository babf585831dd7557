# SPDX-License-Identifier: Apache-2.0
"""Which Jobs of a Kustomization delete themselves when they are done: a hint, since only a build knows it.

When it is lost, such a Job counts as missing until the next build; a wait begins anew with a build then.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

import redis

from policies.objects import ObjectRef

_REMEMBER = 7 * 24 * 3600  # seconds


def remember(store: redis.Redis, owner: ObjectRef, jobs: Iterable[ObjectRef]) -> None:
    """Note the Jobs of what was built last."""
    found = sorted([job.id, job.version] for job in jobs)
    if found:
        store.set(_key(owner), json.dumps(found), ex=_REMEMBER)
    else:
        store.delete(_key(owner))


def of(store: redis.Redis, owner: ObjectRef) -> frozenset[ObjectRef]:
    """Return the Jobs of a Kustomization that may be gone without having failed."""
    found = json.loads(store.get(_key(owner)) or b"[]")
    return frozenset(ObjectRef.parse(job, version) for job, version in found)


def _key(owner: ObjectRef) -> str:
    return f"fairway:vanishing:{owner.namespace}/{owner.name}"
