# SPDX-License-Identifier: Apache-2.0
"""A worker is killed after it has merged a rollback: it is merged once, and nothing is said twice."""

from __future__ import annotations

from pathlib import Path

from tests.workers.orders.conftest import MakeScene
from tests.workers.orders.test_rollback import config, green, rolled_back, settle
from tests.workers.reconcile.killed import kill
from workers.workqueue import Key


def test_what_was_merged_is_merged_once(make_scene: MakeScene, tmp_path: Path) -> None:
    scene = make_scene(write="merge")
    scene.merged()
    scene.forge.protect(scene.repo, checks={"ci": None})
    number = rolled_back(scene)
    replies = scene.replies()
    green(scene, number)
    key_file = tmp_path / "app.pem"
    key_file.write_text(scene.app.private_key_pem)
    key = Key("Merge", scene.repo.owner, f"{scene.repo.name}:{number}")
    scene.configure(github_app_id=str(scene.app.id))
    kill(scene.context, key_file, "merge", 1, key, key)  # who asks first is not told whether it merges
    merged = scene.forge.pull_request(scene.repo, number)
    assert merged["merged"] is True
    scene.sweep()
    settle(scene, number)
    shown = scene.forge.pull_request(scene.repo, number)
    assert (shown["merged_at"], shown["merge_commit_sha"]) == (
        merged["merged_at"],
        merged["merge_commit_sha"],
    )
    assert scene.forge.refs(scene.repo)["refs/heads/main"] == merged["merge_commit_sha"]
    assert scene.file("prod/web.yaml") == config("web")
    assert scene.replies() == replies
    assert [pull["number"] for pull in scene.forge.pull_requests(scene.repo)] == []
