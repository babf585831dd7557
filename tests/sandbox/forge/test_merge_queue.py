# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from sandbox.forge.admin import ForgeError
from tests.sandbox.forge.conftest import MakeStage, Receiver, Stage
from tests.sandbox.forge.descriptions import check_event

PERMISSIONS = {"checks": "write", "contents": "read", "merge_queues": "read", "statuses": "write"}


@pytest.fixture
def stage(make_stage: MakeStage, receiver: Receiver) -> Stage:
    stage = make_stage(webhook=receiver.url, permissions=PERMISSIONS, events=["push", "merge_group"])
    stage.forge.protect(stage.repo, checks={"ci": None}, merge_queue=True, ruleset=True)
    return stage


def branch(stage: Stage, name: str, **files: str) -> str:
    changed = {path.replace("_", "."): content for path, content in files.items()}
    return stage.forge.commit(stage.repo, changed, f"change {name}", branch=name)


def say(stage: Stage, sha: str, state: str) -> None:
    body = {"state": state, "context": "ci"}
    assert stage.as_installation().post(f"{stage.path}/statuses/{sha}", body).status == 201


def told(receiver: Receiver, count: int) -> list[Any]:
    payloads = [entry.payload for entry in receiver.wait("merge_group", count)]
    for payload in payloads:
        check_event("merge_group", payload["action"], payload)
    return payloads


def head(stage: Stage) -> str:
    return stage.forge.refs(stage.repo)["refs/heads/main"]


def test_an_entry_is_checked_and_merged(stage: Stage, receiver: Receiver) -> None:
    pull = branch(stage, "topic", b_txt="b\n")
    group = stage.forge.enqueue(stage.repo, pull, number=7)
    (asked,) = told(receiver, 1)
    ref = f"refs/heads/gh-readonly-queue/main/pr-7-{stage.head}"
    assert (asked["action"], asked["merge_group"]["head_ref"]) == ("checks_requested", ref)
    assert (asked["merge_group"]["head_sha"], asked["merge_group"]["base_sha"]) == (group, stage.head)
    assert stage.forge.refs(stage.repo)[ref] == group
    say(stage, group, "pending")
    assert head(stage) == stage.head
    say(stage, group, "success")
    assert head(stage) == group
    assert ref not in stage.forge.refs(stage.repo)
    ended = next(one for one in told(receiver, 2) if one["action"] == "destroyed")
    assert ended["reason"] == "merged"
    assert {"refs/heads/main", ref} <= {entry.payload["ref"] for entry in receiver.wait("push", 4)}


def test_entries_stand_on_each_other_and_are_merged_in_turn(stage: Stage) -> None:
    first = stage.forge.enqueue(stage.repo, branch(stage, "one", b_txt="b\n"), number=1)
    second = stage.forge.enqueue(stage.repo, branch(stage, "two", c_txt="c\n"), number=2)
    say(stage, second, "success")
    assert head(stage) == stage.head
    say(stage, first, "success")
    assert head(stage) == second


def test_a_failed_entry_leaves_and_the_next_is_built_without_it(stage: Stage, receiver: Receiver) -> None:
    first = stage.forge.enqueue(stage.repo, branch(stage, "one", b_txt="b\n"), number=1)
    second = stage.forge.enqueue(stage.repo, branch(stage, "two", c_txt="c\n"), number=2)
    say(stage, first, "failure")
    payloads = told(receiver, 5)
    assert [one["reason"] for one in payloads if one["action"] == "destroyed"] == ["invalidated"] * 2
    anew = [one["merge_group"]["head_sha"] for one in payloads if one["action"] == "checks_requested"]
    (rebuilt,) = set(anew) - {first, second}
    say(stage, rebuilt, "success")
    assert head(stage) == rebuilt


def test_a_check_run_settles_it_too(stage: Stage) -> None:
    group = stage.forge.enqueue(stage.repo, branch(stage, "one", b_txt="b\n"), number=1)
    body = {"name": "ci", "head_sha": group, "conclusion": "success"}
    assert stage.as_installation().post(f"{stage.path}/check-runs", body).status == 201
    assert head(stage) == group


def test_what_conflicts_does_not_get_in(stage: Stage) -> None:
    pull = branch(stage, "topic", a_txt="theirs\n")
    stage.forge.commit(stage.repo, {"a.txt": "ours\n"}, "ours")
    with pytest.raises(ForgeError, match="conflicts"):
        stage.forge.enqueue(stage.repo, pull, number=3)


def test_the_queue_merges_the_pull_request(stage: Stage) -> None:
    stage.forge.allow(stage.repo, "alice", "write")
    branch(stage, "topic", b_txt="b\n")
    pull = stage.forge.open_pull_request(stage.repo, "topic", "Topic")
    with pytest.raises(ForgeError, match="through the merge queue"):
        stage.forge.merge(stage.repo, pull["number"])
    say(stage, stage.forge.enqueue(stage.repo, pull["head"]["sha"], number=pull["number"]), "success")
    shown = stage.forge.pull_request(stage.repo, pull["number"])
    assert (shown["merged"], shown["state"]) == (True, "closed")
