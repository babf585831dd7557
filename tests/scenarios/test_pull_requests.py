# SPDX-License-Identifier: Apache-2.0
"""A pull request tells the truth: before the merge, while it is applied, and afterwards."""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3

from policies.orders.names import hold_name
from tests.fixtures.world import World, config_map, deployment, until
from tests.scenarios.conversation import Pulls

BROKEN_IMAGE = deployment("web", image="ghcr.io/acme/web:broken")


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
    # Rebased it may be the head itself, which has a status from before.
    until(
        lambda: pulls.final(sha)["description"].startswith(f"Applied {sha[:7]}, healthy"),
        what="its own final status",
    )
    run = pulls.check(sha)
    assert (run["conclusion"], run["external_id"]) == ("success", sha)
    assert f"| ✅ | Kustomization {pulls.team.namespace}/app |" in run["output"]["summary"]


def test_a_push_to_an_open_pull_request_gives_the_new_head_its_status(world: World) -> None:
    pulls = Pulls.of(world)
    number = pulls.opened({"app/a.yaml": config_map("a")}, branch="growing")
    first = pulls.head(number)
    pulls.before_the_merge(first)
    second = world.forge.commit(pulls.team.repo, {"app/b.yaml": config_map("b")}, "more", branch="growing")
    assert pulls.head(number) == second != first
    assert pulls.before_the_merge(second)["description"] == "Nothing is applied before the merge"
    sha = pulls.merged(number)
    pulls.says(number, f"✅ `{sha[:7]}` on `demo`")
    assert [len(pulls.team.statuses(head)) for head in (first, second)] == [1, 1]


def test_an_order_written_on_the_page_is_answered_there(world: World) -> None:
    pulls = Pulls.of(world)
    number = pulls.opened({"app/a.yaml": config_map("a")})
    address = f"{pulls.team.repo.html_url}/pull/{number}"

    def page() -> str:
        return urllib3.request("GET", f"{address}?as=alice").data.decode()

    (token,) = re.findall(r'name="token" value="([^"]+)"', page())
    fields = {"token": token, "login": "alice", "verb": "comment", "body": "/help"}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    sent = urllib3.request("POST", address, body=urlencode(fields), headers=form, redirect=False)
    assert sent.status == 303
    said = until(lambda: (found := page()) and "🚀" in found and found, what="the answer on the page")
    for text in ("<h3>Orders</h3>", "<code>/rollback", "fairway[bot]"):
        assert text in said
    assert said.index("<p>/help</p>") < said.index("<h3>Orders</h3>")


def test_a_build_that_fails_is_shown_at_its_line_until_the_next_pull_request_mends_it(world: World) -> None:
    pulls = Pulls.of(world, files={"app/first.yaml": config_map("first")})
    broken = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n data: [\n"
    number = pulls.opened({"app/x.yaml": broken})
    sha = pulls.merged(number)
    text = pulls.says(number, "❌", "app/x.yaml:4")
    assert "By itself: Kustomization" in text
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


def test_an_unhealthy_deployment_is_told_with_its_reason_and_mended_by_the_next(world: World) -> None:
    pulls = Pulls.of(world)
    number = pulls.opened({"app/web.yaml": BROKEN_IMAGE})
    sha = pulls.merged(number)
    pulls.says(number, "❌", "ImagePullBackOff for")
    assert pulls.final(sha)["state"] == "failure"
    mended = pulls.opened({"app/web.yaml": deployment("web")})
    later = pulls.merged(mended)
    pulls.says(mended, "✅")
    pulls.says(number, f"✅ `{sha[:7]}` is part of `{later[:7]}`")


def test_two_pull_requests_in_one_push_each_have_their_word(world: World) -> None:
    pulls = Pulls.of(world)
    first = pulls.opened({"app/a.yaml": config_map("a")}, branch="one")
    head = pulls.head(first)
    world.forge.set_ref(pulls.team.repo, "refs/heads/two", head)
    second = pulls.opened({"app/b.yaml": config_map("b")}, branch="two")
    both = pulls.head(second)
    world.forge.set_ref(pulls.team.repo, "refs/heads/main", both)
    pulls.says(second, f"✅ `{both[:7]}` on `demo`")
    pulls.says(first, f"✅ `{head[:7]}` is part of `{both[:7]}` on `demo`: applied and healthy")
    # What ran is told of the commit that ran.
    assert pulls.final(both)["description"].startswith(f"Applied {both[:7]}")
    assert pulls.check(both)["conclusion"] == "success"


def test_a_push_without_a_pull_request_has_statuses_only(world: World) -> None:
    pulls = Pulls.of(world)
    bystander = pulls.opened({"app/b.yaml": config_map("b")})
    sha = pulls.team.push({"app/a.yaml": config_map("a")})
    assert pulls.final(sha)["state"] == "success"
    assert pulls.check(sha)["conclusion"] == "success"
    assert pulls.comments(bystander) == []


def test_what_goes_nowhere_and_is_aimed_elsewhere(world: World) -> None:
    pulls = Pulls.of(world, files={"app/first.yaml": config_map("first")})
    head = world.forge.refs(pulls.team.repo)["refs/heads/main"]
    world.forge.set_ref(pulls.team.repo, "refs/heads/release", head)
    away = pulls.opened({"app/a.yaml": config_map("a")}, base="release")
    assert pulls.before_the_merge(pulls.head(away))["state"] == "success"
    pulls.merged(away)
    moved = pulls.opened({"app/b.yaml": config_map("b")}, base="release")
    world.forge.retarget(pulls.team.repo, moved, "main")
    sha = pulls.merged(moved, "squash")
    pulls.says(moved, f"✅ `{sha[:7]}` on `demo`")
    assert pulls.comments(away) == []


def test_closed_and_opened_again_nothing_untrue_stays(world: World) -> None:
    pulls = Pulls.of(world)
    number = pulls.opened({"app/a.yaml": config_map("a")})
    head = pulls.head(number)
    pulls.before_the_merge(head)
    pulls.ask(number)
    pulls.says(number, f"Nothing of `#{number}` is applied before the merge")
    world.forge.close(pulls.team.repo, number)
    pulls.says(number, f"`#{number}` was closed: nothing of it is applied")
    world.forge.reopen(pulls.team.repo, number)
    pulls.says(number, f"Nothing of `#{number}` is applied before the merge")
    sha = pulls.merged(number)
    pulls.says(number, f"✅ `{sha[:7]}` on `demo`")
    assert len(pulls.team.statuses(head)) == 1


def test_a_fork_is_told_the_same(world: World) -> None:
    pulls = Pulls.of(world)
    fork = world.forge.fork(pulls.team.repo, "carol")
    world.forge.commit(fork, {"app/a.yaml": config_map("a")}, "change", branch="mine", author="carol")
    pull = world.forge.open_pull_request(pulls.team.repo, "carol:mine", "Mine", author="carol")
    assert pulls.before_the_merge(pull["head"]["sha"])["description"] == "Nothing is applied before the merge"
    sha = pulls.merged(int(pull["number"]))
    pulls.says(int(pull["number"]), f"✅ `{sha[:7]}` on `demo`")


def test_a_merge_queue_goes_on_and_what_it_merged_is_judged(world: World) -> None:
    pulls = Pulls.of(world)
    world.forge.protect(pulls.team.repo, checks={"fairway/demo": None}, merge_queue=True)
    number = pulls.opened({"app/web.yaml": BROKEN_IMAGE})
    head = pulls.head(number)
    pulls.before_the_merge(head)
    sha = world.forge.enqueue(pulls.team.repo, head, number=number)
    until(lambda: world.forge.refs(pulls.team.repo)["refs/heads/main"] == sha, what="the queue merged it")
    # The word that nothing is applied yet was none on how it went.
    until(lambda: pulls.team.statuses(sha)[-1]["state"] == "failure", what="the failure on the merged commit")
    pulls.says(number, "❌", "ImagePullBackOff")


def test_a_comment_that_somebody_deletes_comes_once_more_and_not_again(world: World) -> None:
    pulls = Pulls.of(world)
    number = pulls.opened({"app/web.yaml": BROKEN_IMAGE})
    pulls.merged(number)
    pulls.says(number, "❌")
    pulls.delete(number)
    second = pulls.opened({"app/other.yaml": config_map("other")})
    pulls.merged(second)
    pulls.says(number, "is part of")
    pulls.delete(number)
    third = pulls.opened({"app/web.yaml": deployment("web")})
    pulls.merged(third)
    pulls.says(third, "✅")
    pulls.settled(number)
    assert pulls.comments(number) == []
    pulls.ask(number)
    pulls.says(number, "✅", "is part of")


def test_what_a_person_writes_into_the_comment_is_put_back(world: World) -> None:
    pulls = Pulls.of(world)
    number = pulls.opened({"app/a.yaml": config_map("a")})
    sha = pulls.merged(number)
    pulls.says(number, f"✅ `{sha[:7]}` on `demo`")
    [comment] = pulls.comments(number)
    world.forge.edit_comment(pulls.team.repo, comment["id"], "### ❌ Nothing works", author="alice")
    pulls.says(number, f"✅ `{sha[:7]}` on `demo`: applied and healthy")
    assert [one["id"] for one in pulls.comments(number)] == [comment["id"]]


def test_an_applied_pull_request_names_the_hold_that_did_not_keep_it(world: World) -> None:
    pulls = Pulls.of(world)
    number = pulls.opened({"app/a.yaml": config_map("a")})
    repo = pulls.team.repo
    world.client.create(
        {
            "apiVersion": "fairway.dev/v1alpha1",
            "kind": "Order",
            "metadata": {"name": hold_name(repo.id, number), "namespace": "fairway-system"},
            "spec": {
                "verb": "hold",
                "repository": {"owner": repo.owner, "name": repo.name, "id": repo.id},
                "pullRequest": number,
                "actor": {"id": 11, "login": "bob"},
                "comment": {"kind": "comment", "id": 99, "line": 1},
                "reason": "waits for the migration",
            },
        }
    )
    pulls.ask(number)
    pulls.says(number, "Waits: this pull request is held by `bob`", "waits for the migration")
    time.sleep(1)  # GitHub tells when something was merged to the second
    pulls.merged(number)
    pulls.says(number, "✅", "Applied although this pull request is held by `bob`", "`/unhold`")


FILE = """version: 1
environments:
  prod:
    namespaces: [NAMESPACE]
    protected: on
"""


def test_each_environment_has_its_deployments(world: World) -> None:
    pulls = Pulls.of(world, file=FILE)
    number = pulls.opened({"app/web.yaml": BROKEN_IMAGE})
    sha = pulls.merged(number)
    pulls.says(number, "❌", f"`/rollback prod sha={sha[:7]}`")
    assert pulls.deployment(sha, "prod", final="failure")[-1]["log_url"].endswith(f"/commit/{sha}")
    mended = pulls.merged(pulls.opened({"app/web.yaml": deployment("web")}))
    states = [one["state"] for one in pulls.deployment(mended, "prod", final="success")]
    assert states in (["success"], ["in_progress", "success"])


def test_a_file_that_switches_things_off_is_heeded(world: World) -> None:
    off = "version: 1\npullRequests:\n  comment: off\n  checks: off\n  statuses: {perObject: on}\n"
    pulls = Pulls.of(world, file=off)
    number = pulls.opened({"app/a.yaml": config_map("a")})
    sha = pulls.merged(number)
    own = f"fairway/demo/Kustomization/{pulls.team.namespace}/app"
    until(lambda: any(s["context"] == own and s["state"] == "success" for s in pulls.team.statuses(sha)))
    assert any(s["context"] == "fairway/demo" for s in pulls.team.statuses(sha))
    pulls.settled(number)
    assert pulls.comments(number) == []
    assert pulls.checks(sha) == []


def test_a_change_of_the_file_is_checked_and_a_broken_one_on_the_branch_too(world: World) -> None:
    pulls = Pulls.of(world)
    number = pulls.opened({".fairway.yaml": "version: 1\norders:\n  deploy: off\n"})
    head = pulls.head(number)
    run = pulls.check(head, "Fairway configuration")
    assert run["conclusion"] == "failure"
    assert [(note["path"], note["start_line"]) for note in pulls.annotations(run)] == [(".fairway.yaml", 3)]
    fine = pulls.opened({".fairway.yaml": "version: 1\norders:\n  lock: off\n"})
    assert pulls.check(pulls.head(fine), "Fairway configuration")["conclusion"] == "success"
    other = pulls.opened({"app/a.yaml": config_map("a")})
    pulls.before_the_merge(pulls.head(other))
    sha = pulls.merged(number)
    pulls.sweep()
    assert pulls.check(sha, "Fairway configuration")["conclusion"] == "failure"
    assert pulls.checks(pulls.head(other), "Fairway configuration") == []


def test_a_check_that_a_person_wants_again_is_made_anew(world: World) -> None:
    pulls = Pulls.of(world)
    sha = pulls.team.push({"app/web.yaml": BROKEN_IMAGE})
    run = pulls.check(sha)
    assert run["conclusion"] == "failure"
    world.forge.rerequest_check_run(run["id"], login="alice")
    found = until(
        lambda: (runs := pulls.checks(sha)) and len(runs) == 2 and runs[1]["status"] == "completed" and runs,
        what="another run",
    )
    assert found[1]["external_id"] == f"{sha}:{run['id']}"
    assert found[1]["conclusion"] == "failure"


@pytest.mark.parametrize("where", ["an open pull request", "the branch"])
def test_a_suite_that_a_person_wants_again_is_made_anew(world: World, where: str) -> None:
    pulls = Pulls.of(world)
    names = {"Fairway configuration": "failure"}
    files: dict[str, str | None] = {".fairway.yaml": "version: 1\norders:\n  deploy: off\n"}
    if where == "the branch":
        sha = pulls.team.push({**files, "app/a.yaml": config_map("a")})
        names["Fairway demo"] = "success"
        pulls.team.final(sha)
        pulls.sweep()
    else:
        sha = pulls.head(pulls.opened(files))
    suites = {pulls.check(sha, name)["check_suite"]["id"] for name in names}
    assert len(suites) == 1
    [suite] = suites
    world.forge.rerequest_check_suite(suite, login="alice")

    def again(name: str) -> dict[str, Any] | None:
        runs = pulls.checks(sha, name)
        return runs[1] if len(runs) == 2 and runs[1]["status"] == "completed" else None

    for name, conclusion in names.items():
        run = until(lambda name=name: again(name), what=f"another run of {name}")  # type: ignore[misc]
        assert run["conclusion"] == conclusion
        assert run["external_id"].endswith(f"{sha}:{suite}")
