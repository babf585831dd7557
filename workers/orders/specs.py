# SPDX-License-Identifier: Apache-2.0
"""What an Order object says: made once, when the order is taken."""

from __future__ import annotations

from typing import Any

from policies.objects import Object
from policies.orders.grammar import Written
from policies.orders.registry import Value, find
from workers.orders.desk import Desk


def spec_of(desk: Desk, order: Written, *, target: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the spec of an order, with the object it concerns where it concerns just one."""
    heard, repository = desk.said.heard, desk.repository
    said: dict[str, Any] = {
        "verb": order.command.name,
        "repository": {"owner": repository.owner, "name": repository.name, "id": repository.id},
        "pullRequest": desk.number,
        "headSHA": desk.pull.head_sha,
        "actor": {"id": desk.said.author_id, "login": desk.said.author},
        "comment": {"kind": heard.kind, "id": heard.id, "line": order.line},
    }
    more = {
        "target": target,
        "environment": order.value("environment"),
        "revision": desk.pull.merge_sha if desk.pull.merged_at else "",
        "arguments": dict(order.arguments),
        "reason": order.value("reason"),
    }
    return said | {name: value for name, value in more.items() if value}


def written_of(record: Object) -> Written | None:
    """Return the order that a record was made of, in words that mean the same; None for an unknown verb."""
    spec, command = record["spec"], find(record["spec"]["verb"])
    if command is None:
        return None
    given: dict[str, str] = spec.get("arguments") or {}
    words = [f"/{command.name}"]
    for argument in command.arguments:
        if value := given.get(argument.name, ""):
            text = value.replace("\\", "\\\\").replace('"', '\\"')
            shown = f'"{text}"' if argument.value is Value.TEXT else value
            words.append(shown if argument.positional else f"{argument.name}={shown}")
    return Written(command, tuple(given.items()), spec["comment"]["line"], " ".join(words))


def target_of(obj: Object) -> dict[str, str]:
    """Return how an Order names an object that it concerns."""
    metadata = obj["metadata"]
    return {
        "kind": obj["kind"],
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
