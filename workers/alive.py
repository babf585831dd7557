# SPDX-License-Identifier: Apache-2.0
"""A sign of life in Redis, so that `fairway up` can tell when a process is there."""

from __future__ import annotations

import os

import redis

TTL = 15  # seconds


def breathe(client: redis.Redis, role: str) -> None:
    client.set(key(role, os.getpid()), "1", ex=TTL)


def key(role: str, pid: int) -> str:
    return f"fairway:alive:{role}:{pid}"
