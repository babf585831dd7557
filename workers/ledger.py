# SPDX-License-Identifier: Apache-2.0
"""Where the ledger is kept: two Redis hashes a Kustomization, what was applied and what was seen.

Workers write the first, `watch` the second, and both are only memory: what is not there is asked of the
API server. An entry that cannot be read counts as missing. `watch` also notes whose wait has taken too long.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

import redis

from policies.health import Health, Verdict
from policies.ledger import Applied, Built, Known, Mark, Seen

Owner = tuple[str, str]  # namespace and name of a Kustomization
TTL = 24 * 3600  # seconds after the last write; then everything is asked for afresh
_BUILT = ""  # the field of the first hash that no inventory id is


class Ledger:
    """Reads and writes what is known of Kustomizations' objects; raises RedisError."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def of(self, owner: Owner) -> Known:
        """Return everything that is known of a Kustomization's objects."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hgetall(_applied(owner))
        pipe.hgetall(_seen(owner))
        applied, seen = cast("list[dict[bytes, bytes]]", pipe.execute())
        built = _read(_built_of, applied.pop(_BUILT.encode(), b""))
        return Known(_all(_applied_of, applied), _all(_seen_of, seen), built)

    def applied(self, owners: Sequence[Owner]) -> dict[Owner, dict[str, Applied]]:
        """Return what was applied of each Kustomization's objects."""
        pipe = self._redis.pipeline(transaction=False)
        for owner in owners:
            pipe.hgetall(_applied(owner))
        answers = cast("list[dict[bytes, bytes]]", pipe.execute()) if owners else []
        for fields in answers:
            fields.pop(_BUILT.encode(), None)
        return {o: _all(_applied_of, fields) for o, fields in zip(owners, answers, strict=True)}

    def built(self, owners: Sequence[Owner]) -> dict[Owner, Built | None]:
        """Return what each Kustomization was built of last."""
        pipe = self._redis.pipeline(transaction=False)
        for owner in owners:
            pipe.hget(_applied(owner), _BUILT)
        answers = cast("list[bytes | None]", pipe.execute()) if owners else []
        return {o: _read(_built_of, text or b"") for o, text in zip(owners, answers, strict=True)}

    def record(
        self,
        owner: Owner,
        applied: Mapping[str, Applied],
        *,
        unsure: Collection[str] = (),
        built: Built | None = None,
    ) -> None:
        """Write down what was applied, forgetting what is `unsure`; without `built` nothing is skipped."""
        key, pipe = _applied(owner), self._redis.pipeline(transaction=False)
        fields = {one: _text_applied(entry) for one, entry in applied.items()}
        if built is not None:
            fields[_BUILT] = json.dumps([built.artifact, built.inputs, built.digest, built.ids, built.reads])
        gone = [*unsure, *([] if built else [_BUILT])]
        if gone:
            pipe.hdel(key, *gone)
        if fields:
            pipe.hset(key, mapping=cast("Any", fields))
            pipe.expire(key, TTL)
        pipe.execute()

    def looked(self, owner: Owner, reads: Collection[str]) -> None:
        """Write down where a build looked of which nothing else is remembered: names, and no contents."""
        self._redis.set(_looked(owner), json.dumps(sorted(reads)), ex=TTL)

    def reads(self, owners: Sequence[Owner]) -> dict[Owner, Collection[str] | None]:
        """Return where each Kustomization's last build looked; None where nobody knows."""
        pipe = self._redis.pipeline(transaction=False)
        for owner in owners:
            pipe.hget(_applied(owner), _BUILT)
            pipe.get(_looked(owner))
        answers = cast("list[bytes | None]", pipe.execute()) if owners else []
        found: dict[Owner, Collection[str] | None] = {}
        for owner, text, looked in zip(owners, answers[::2], answers[1::2], strict=True):
            built = _read(_built_of, text or b"")
            known = built.reads if built else None
            found[owner] = known if known is not None else _read(_names_of, looked or b"")
        return found

    def saw(self, news: Mapping[Owner, Mapping[str, Seen | None]]) -> None:
        """Write down what a watch saw; None for what is gone."""
        pipe = self._redis.pipeline(transaction=False)
        for owner, objects in news.items():
            key = _seen(owner)
            if gone := [one for one, seen in objects.items() if seen is None]:
                pipe.hdel(key, *gone)
            if fields := {one: _text_seen(seen) for one, seen in objects.items() if seen}:
                pipe.hset(key, mapping=cast("Any", fields))
                pipe.expire(key, TTL)
        pipe.execute()

    def end_wait(self, owner: Owner, since: str) -> None:
        """Write down that a wait has taken too long; `since` is when it began, as its status says."""
        self._redis.set(_over(owner), since, ex=TTL)

    def wait_is_over(self, owner: Owner, since: str) -> bool:
        """Tell whether the wait that began then has taken too long."""
        found = cast("bytes | None", self._redis.get(_over(owner)))
        return found is not None and found.decode() == since

    def forget(self, owner: Owner) -> None:
        """Drop everything about a Kustomization that is gone."""
        self._redis.delete(_applied(owner), _looked(owner), _seen(owner), _over(owner))


def _applied(owner: Owner) -> str:
    return f"fairway:applied:{owner[0]}/{owner[1]}"


def _looked(owner: Owner) -> str:
    return f"fairway:read:{owner[0]}/{owner[1]}"


def _seen(owner: Owner) -> str:
    return f"fairway:seen:{owner[0]}/{owner[1]}"


def _over(owner: Owner) -> str:
    return f"fairway:over:{owner[0]}/{owner[1]}"


def _text_applied(entry: Applied) -> str:
    return json.dumps([entry.mark.uid, entry.mark.own, entry.version, entry.wanted, round(entry.at, 3)])


def _applied_of(text: bytes) -> Applied:
    uid, own, version, wanted, at = json.loads(text)
    return Applied(Mark(uid, own), version, wanted, at)


def _text_seen(entry: Seen) -> str:
    mark = [entry.mark.uid, entry.mark.own] if entry.mark else None
    health = [entry.health.verdict, entry.health.message, entry.health.reason]
    return json.dumps([mark, entry.version, health, entry.count, entry.left_alone])


def _seen_of(text: bytes) -> Seen:
    mark, version, (verdict, message, reason), count, left_alone = json.loads(text)
    health = Health(Verdict(verdict), message, reason)
    return Seen(Mark(*mark) if mark else None, version, health, count, left_alone)


def _names_of(text: bytes) -> frozenset[str]:
    return frozenset(map(str, json.loads(text)))


def _built_of(text: bytes) -> Built:
    artifact, inputs, digest, ids, reads = json.loads(text)
    return Built(artifact, inputs, digest, tuple(ids), reads)


def _read(parse: Any, text: bytes) -> Any:
    try:
        return parse(text) if text else None
    except (ValueError, TypeError):
        return None


def _all(parse: Any, fields: Mapping[bytes, bytes]) -> dict[str, Any]:
    found = {key.decode(): _read(parse, text) for key, text in fields.items()}
    return {key: entry for key, entry in found.items() if entry is not None}
