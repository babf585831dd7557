# SPDX-License-Identifier: Apache-2.0
"""The tasks that deliveries set off: each is open until it has ended, and sent again if its worker dies.

Celery on Redis does neither safely: a message is lost with a worker that is killed between taking and noting
it, and one that was noted comes back after minutes. So its message is a hint here too, like that of the
workqueue, and what is open is what counts.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import redis

from policies.task_messages import EVENTS, KEPT, OPEN, PUT_TASK, SENT, Scalar, task_message

_QUEUE = f"fairway:celery:{EVENTS}"
_TRIED = "fairway:events:tried"  # hash: task id -> times that it was sent again
AGAIN_AFTER = 5.0  # seconds; a task only marks what is to be done, and may run twice
_TRIES = 5  # times that a task is sent again: one that ends every worker must not do so for ever

# KEYS: queue, open, sent, tried. ARGV: seconds, tries. While messages wait, what was sent may be among them.
_AGAIN = """
local now = tonumber(redis.call('TIME')[1])
if redis.call('LLEN', KEYS[1]) > 0 then return {} end
local given_up = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now - ARGV[1], 'LIMIT', 0, 1000)) do
  local message = redis.call('HGET', KEYS[2], id)
  local tried = redis.call('HINCRBY', KEYS[4], id, 1)
  redis.call('EXPIRE', KEYS[4], 3600)
  if message and tried <= tonumber(ARGV[2]) then
    redis.call('LPUSH', KEYS[1], message)
    redis.call('ZADD', KEYS[3], now, id)
  else
    table.insert(given_up, id)
    redis.call('HDEL', KEYS[2], id)
    redis.call('HDEL', KEYS[4], id)
    redis.call('ZREM', KEYS[3], id)
  end
end
return given_up
"""


def send(client: redis.Redis, task: str, arguments: Mapping[str, Scalar]) -> None:
    """Have a worker call a task that is no object's; raises RedisError."""
    task_id = str(uuid.uuid4())
    message = task_message(task, task_id, EVENTS, arguments)
    client.eval(PUT_TASK, 3, _QUEUE, OPEN, SENT, task_id, message, str(KEPT))


@contextmanager
def doing(client: redis.Redis, task_id: str) -> Iterator[None]:
    """End a task with its run, unless Redis was away: then nothing could be marked, and it comes again."""
    try:
        yield
    except redis.RedisError:
        raise
    except Exception:
        _end(client, task_id)
        raise
    _end(client, task_id)


def send_again(client: redis.Redis) -> list[str]:
    """Send again what was sent a while ago and has not ended; returns the ids of those that are given up."""
    given_up = client.eval(_AGAIN, 4, _QUEUE, OPEN, SENT, _TRIED, str(AGAIN_AFTER), str(_TRIES))
    return [one.decode() for one in given_up]


def _end(client: redis.Redis, task_id: str) -> None:
    with client.pipeline() as pipe:
        pipe.hdel(OPEN, task_id)
        pipe.zrem(SENT, task_id)
        pipe.hdel(_TRIED, task_id)
        pipe.execute()
