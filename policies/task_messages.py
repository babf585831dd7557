# SPDX-License-Identifier: Apache-2.0
"""A task as a Celery worker reads it from Redis.

Version 2 of Celery's message protocol in the envelope of kombu's Redis transport, both of which clients in
other languages write too: https://docs.celeryq.dev/en/stable/internals/protocol.html. Written by hand, a
delivery is queued, claimed and noted as open in one step of Redis, which Celery's own producer cannot do, in
a tenth of the time.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

Scalar = str | int | bool | None

EVENTS = "events"  # the queue of what deliveries set off, one task each
OPEN = "fairway:events:open"  # hash: task id -> message, until the task has ended
SENT = "fairway:events:sent"  # zset: task id -> when its message was last sent, in seconds
KEPT = 24 * 3600  # seconds that an open task is kept, counted from the last one that was queued

# Queues a task that is open until it has ended: whoever is killed with it, it is sent again. KEYS: queue,
# open, sent, and a claim if there is one. ARGV: task id, message, seconds for what is open, for the claim.
# Says whether it was queued now.
PUT_TASK = """
if KEYS[4] and redis.call('EXISTS', KEYS[4]) == 1 then return 0 end
redis.call('LPUSH', KEYS[1], ARGV[2])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[3], redis.call('TIME')[1], ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[3])
redis.call('EXPIRE', KEYS[3], ARGV[3])
if KEYS[4] then redis.call('SET', KEYS[4], '1', 'EX', ARGV[4]) end
return 1
"""


def task_message(task: str, task_id: str, queue: str, arguments: Mapping[str, Scalar]) -> str:
    """Return the message that has a worker of that queue call a task with these keyword arguments.

    `task_id` identifies the message too, so it is used once.
    """
    nothing_follows = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    body = json.dumps([[], dict(arguments), nothing_follows]).encode()
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {
                "lang": "py",
                "task": task,
                "id": task_id,
                "root_id": task_id,
                "parent_id": None,
                "group": None,
                "retries": 0,
                "eta": None,
                "expires": None,
                "timelimit": [None, None],
                "ignore_result": True,
            },
            "properties": {
                "correlation_id": task_id,
                "delivery_tag": task_id,
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": queue},
                "priority": 0,
                "body_encoding": "base64",
            },
        }
    )
