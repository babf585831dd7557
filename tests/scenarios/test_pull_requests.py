# SPDX-License-Identifier: Apache-2.0
"""A pull request tells the truth: before the merge, while it is applied, and afterwards."""

from __future__ import annotations

import pytest

from tests.fixtures.world import World, config_map, deployment
from tests.scenarios.conversation import Pulls


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_a_merge_comes_true(world: World, method: str) -> None:
    pulls = Pulls.of(world)
    number = pulls.opened({"app/web.yaml": deployment("web"), "app/a.yaml": config_map("a")})
    status = pulls.before_the_merge(pulls.head(number))
    assert (status["state"], status["context"], status["description"]) == (
        "success",
        "fairway/demo",
        "Nothing is applied before the merge",
    )
    assert pulls.comments(number) == []
    sha = pulls.merged(number, method)
    text = pulls.says(number, "applied and healthy")
    assert text.startswith(f"### ✅ `{sha[:7]}` on `demo`: applied and healthy")
    assert f"| ✅ | Kustomization {pulls.team.namespace}/app | applied `{sha[:7]}`, healthy |" in text
    assert pulls.team.final(sha)["description"].startswith(f"Applied {sha[:7]}, healthy")
    run = pulls.check(sha)
    assert (run["conclusion"], run["external_id"]) == ("success", sha)
    assert "applied" in run["output"]["summary"]


def test_a_build_that_fails_is_shown_at_its_line(world: World) -> None:
    pulls = Pulls.of(world, files={"app/first.yaml": config_map("first")})
    broken = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n data: [\n"
    number = pulls.opened({"app/x.yaml": broken})
    sha = pulls.merged(number)
    text = pulls.says(number, "❌", "app/x.yaml:4")
    assert "By itself: " in text
    assert "`/retry`" in text
    run = pulls.check(sha)
    assert run["conclusion"] == "failure"
    [note] = pulls.annotations(run)
    assert (note["path"], note["start_line"], note["annotation_level"]) == ("app/x.yaml", 4, "failure")
    mended = pulls.opened({"app/x.yaml": config_map("x")})
    later = pulls.merged(mended)
    pulls.says(mended, "applied and healthy")
    text = pulls.says(number, "applied and healthy")
    assert text.startswith(f"### ✅ `{sha[:7]}` is part of `{later[:7]}` on `demo`: applied and healthy")
