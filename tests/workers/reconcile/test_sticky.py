# SPDX-License-Identifier: Apache-2.0
"""How often the comment of a pull request is edited while something moves, by a clock that a test moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from policies.commit_status import State
from policies.pull_request import Mark
from policies.surface import pull_request as surface
from tests.policies.surface.said import AT, content, row
from tests.workers.reconcile.tenant import Tenant
from workers.reconcile.telling.sticky import PACE, Sticky

_START = datetime(2026, 11, 28, 11, 0, 0, tzinfo=UTC)


def body(state: State, news: str) -> str:
    return surface.comment(content(lambda text: text, state, row(str, Mark.WAITS, news)), AT)


def test_what_moves_is_told_every_few_seconds_and_what_is_final_at_once(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    forge, repo, context = tenant.forge, tenant.repo, tenant.delivery.context
    forge.commit(repo, {"app/a.yaml": "x: 1\n"}, "change", branch="topic")
    number = int(forge.open_pull_request(repo, "topic", "Change")["number"])
    assert context.github
    sticky, said = Sticky(context, context.github), list[tuple[float, str]]()

    def write(seconds: float, state: State, news: str) -> None:
        monkeypatch.setattr(context, "now", lambda: _START + timedelta(seconds=seconds))
        known = sticky.known(repo.full_name, number, repo.id)
        known = replace(known, since=known.since or _START.timestamp())
        sticky.write(repo.full_name, number, known, body(state, news), live=True, asked=False)
        texts = tenant.comments(number)
        assert len(texts) <= 1
        if texts and (not said or texts[0] != said[-1][1]):
            said.append((seconds, texts[0]))

    for tick in range(45):
        write(tick / 4, State.PENDING, f"{tick} of 45 done")
    assert [at for at, _ in said] == [1.5, 1.5 + PACE, 1.5 + 2 * PACE, 1.5 + 3 * PACE]
    assert (
        context.redis.zscore("fairway:later", f"PullRequest/{repo.owner}/{repo.name}:{number}")
        <= _START.timestamp() + 1.5 + 4 * PACE
    ), "what was not told is looked at again"
    write(11.1, State.FAILURE, "it is broken")
    write(11.2, State.SUCCESS, "it is well")
    assert [at for at, _ in said][4:] == [11.1, 11.2]
    assert "it is well" in said[-1][1]
    write(20.0, State.SUCCESS, "it is well")
    assert len(said) == 6, "and nothing twice"
