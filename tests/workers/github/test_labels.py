# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from tests.workers.github.conftest import Place


def test_a_label_is_put_on_and_taken_off_however_often(able: Place) -> None:
    number = able.pull()
    for _ in range(2):
        able.github.labels.add(able.name, number, "fairway/edited")
    assert able.github.pulls.get(able.name, number).labels == {"fairway/edited"}
    for _ in range(2):
        able.github.labels.remove(able.name, number, "fairway/edited")
    assert able.github.pulls.get(able.name, number).labels == frozenset()


def test_a_release_is_found_by_its_tag(able: Place) -> None:
    body = {"tag_name": "v1", "name": "One", "body": "Said"}
    able.forge.allow(able.repo, "alice", "write")
    able.forge._as("alice", "POST", f"/repos/{able.name}/releases", body)
    found = able.github.releases.of_tag(able.name, "v1")
    assert found is not None
    assert (found.name, found.body, found.url.endswith("/releases/tag/v1")) == ("One", "Said", True)
    assert able.github.releases.of_tag(able.name, "v2") is None


def test_one_is_rewritten_closed_and_found_again_by_its_branch(able: Place) -> None:
    number = able.pull()
    assert able.github.pulls.closed_from(able.name, "topic", "main") == []
    assert able.github.pulls.rewrite(able.name, number, "Other").body == "Other"
    for _ in range(2):
        assert not able.github.pulls.close(able.name, number).open
    (found,) = able.github.pulls.closed_from(able.name, "topic", "main")
    assert (found.number, found.merged_at, found.body) == (number, None, "Other")
    assert found.created_at is not None
    assert not able.github.pulls.commit(able.name, found.head_sha).ours
