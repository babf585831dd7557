# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from app.cli.redis import EmbeddedRedis
from workers import heads
from workers.heads import Head
from workers.workqueue import open_redis

REPOSITORY = "acme/fleet"


def test_what_a_delivery_told_of_a_commit_stands(redis_server: EmbeddedRedis) -> None:
    client = open_redis(redis_server.url)
    found, told, pushed_again = (Head("a" * 40, "refs/heads/main", at) for at in (0.0, 10.0, 20.0))
    heads.add(client, REPOSITORY, found, private=True, unless_known=True)
    assert heads.of(client, REPOSITORY) == [found]
    heads.add(client, REPOSITORY, told, private=True)
    # A report that looked before the delivery came finds the commit by itself, and adds it afterwards.
    heads.add(client, REPOSITORY, found, private=True, unless_known=True)
    assert heads.of(client, REPOSITORY) == [told]
    heads.add(client, REPOSITORY, pushed_again, private=True)
    assert heads.of(client, REPOSITORY) == [pushed_again]
