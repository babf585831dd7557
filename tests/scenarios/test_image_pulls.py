# SPDX-License-Identifier: Apache-2.0
"""New images as pull requests, with the whole of Fairway: proposed, renewed, left to people, merged."""

from __future__ import annotations

import re

from click.testing import CliRunner

from app.cli import cli
from tests.fixtures.world import World, config_map, deployment, until
from tests.scenarios.bumps import BOT, SLOW, Bumps


def test_a_new_tag_is_proposed_merged_and_runs(world: World) -> None:
    bumps = Bumps.of(world)
    before = bumps.main()
    bumps.released("1.1.0")
    pull = bumps.pull("1.0.0 → 1.1.0")
    assert bumps.proposed(pull) == {"web": "1.1.0"}
    assert bumps.main() == before
    (commit,) = bumps.commits(pull["number"])
    assert [one["sha"] for one in commit["parents"]] == [before]
    assert commit["commit"]["verification"]["verified"] is True
    assert pull["head"]["ref"] == f"fairway/images/{bumps.team.namespace}.auto/policy-web"
    shown = re.sub(r"<!--.*?-->", "", pull["body"])
    assert "takes the highest version in" in shown
    world.forge.merge(bumps.team.repo, pull["number"])
    until(lambda: bumps.running() == "1.1.0", within=SLOW, what="the new tag applied")
    bumps.look()
    assert len(bumps.pulls("all")) == 1


def test_a_pull_request_shows_what_changes_in_the_cluster(world: World) -> None:
    bumps = Bumps.of(world)
    source = world.forge.create_repository(bumps.team.repo.owner, "web", files={"README": "x"})
    world.forge.allow(source, "alice", "write")
    release = {"tag_name": "v1.1.0", "name": "v1.1.0", "body": "Faster. Thanks @octocat, fixes #1."}
    world.forge._as("alice", "POST", f"/repos/{source.full_name}/releases", release)
    bumps.released("1.1.0", source=f"{world.forge.url}/{source.full_name}")
    body = bumps.pull("1.0.0 → 1.1.0")["body"]
    assert f"Kustomization {bumps.team.namespace}/app: 1 object changed" in body
    assert f"  ConfigMap {bumps.team.namespace}/web\n    data.value\n-     1.0.0\n+     1.1.0" in body
    assert "Faster. Thanks @octocat, fixes #1." in body
    assert "read by `prod`" in body


def test_the_comment_of_a_merged_one_follows_the_image_to_the_cluster(world: World) -> None:
    bumps = Bumps.of(world)
    image = bumps.image("web")
    mark = f'# {{"$imagepolicy": "{bumps.team.namespace}:web"}}'
    workload = deployment("site", image=f"{image}:1.0.0 {mark}")
    bumps.team.settled(bumps.team.push({"app/site.yaml": workload}))
    bumps.released("1.1.0")
    number = bumps.pull("1.0.0 → 1.1.0")["number"]
    world.forge.merge(bumps.team.repo, number)
    row = f"| ✅ | `{image}:1.1.0` | Deployment {bumps.team.namespace}/site, `site` | prod | healthy |"
    bumps.answered(number, row)


def test_a_newer_tag_takes_its_place_and_a_moved_base_makes_it_anew(world: World) -> None:
    bumps = Bumps.of(world)
    bumps.released("1.1.0")
    number = bumps.pull("1.0.0 → 1.1.0")["number"]
    bumps.released("1.2.0")
    assert bumps.pull("1.0.0 → 1.2.0")["number"] == number
    old = bumps.commits(number)[0]["sha"]
    bumps.team.push({"README": "moved"})
    bumps.look()
    assert [one["sha"] for one in bumps.commits(number)] == [old], "nothing of it has moved"
    moved = bumps.team.push({"app/web.yaml": f"# moved\n{bumps.file('web', '1.0.0')}"})

    def parents() -> list[str]:
        found = bumps.commits(number)
        return [one["sha"] for one in found[0]["parents"]] if len(found) == 1 else []

    until(lambda: parents() == [moved], within=SLOW, what="a commit on the new base")
    assert len(bumps.pulls("all")) == 1


def test_what_a_person_pushed_to_is_left(world: World) -> None:
    bumps = Bumps.of(world)
    bumps.released("1.1.0")
    pull = bumps.pull("1.0.0 → 1.1.0")
    theirs = bumps.team.push({"app/more.yaml": config_map("more")}, branch=pull["head"]["ref"])
    labelled = bumps.pull("1.1.0", check=lambda one: bool(one["labels"]))
    assert [one["name"] for one in labelled["labels"]] == ["fairway/edited"]
    bumps.released("1.2.0")
    until(lambda: bumps.seen("web") == ["1.2.0"], within=SLOW, what="the newer tag seen")
    assert bumps.pull("1.1.0")["head"]["sha"] == theirs


def test_what_was_closed_is_not_proposed_again_until_somebody_reopens_it(world: World) -> None:
    bumps = Bumps.of(world)
    bumps.released("1.1.0")
    number = bumps.pull("1.0.0 → 1.1.0")["number"]
    world.forge.close(bumps.team.repo, number)
    bumps.says("its version was declined")
    world.redis.flushall()
    bumps.look()
    assert bumps.pulls() == []
    world.forge.reopen(bumps.team.repo, number)
    bumps.says(f"proposed in #{number}")
    world.forge.close(bumps.team.repo, number)
    bumps.says("its version was declined")
    bumps.released("1.2.0")
    assert bumps.pull("1.0.0 → 1.2.0")["number"] > number


def test_no_more_are_open_than_the_limit_says(world: World) -> None:
    bumps = Bumps.of(world, "api", "web", images="{limit: 1}")
    for name in ("api", "web"):
        bumps.released("1.1.0", name)
    bumps.says("the limit of open pull requests, 1, is reached")
    (first,) = bumps.pulls()
    world.forge.merge(bumps.team.repo, first["number"])
    second = bumps.pull("1.1.0", check=lambda one: one["number"] != first["number"])
    assert {**bumps.proposed(first), **bumps.proposed(second)} == {"api": "1.1.0", "web": "1.1.0"}


def test_a_patch_is_merged_by_itself_once_its_check_has_passed(world: World) -> None:
    bumps = Bumps.of(world, write="merge", images="{autoMerge: [patch]}")
    world.forge.protect(bumps.team.repo, checks={"ci": None})
    bumps.released("1.0.1")
    pull = bumps.pull("1.0.0 → 1.0.1")
    bumps.green(pull["head"]["sha"])
    until(lambda: bumps.running() == "1.0.1", within=SLOW, what="the patch merged and applied")
    assert world.forge.pull_request(bumps.team.repo, pull["number"])["merged_by"]["login"] == BOT
    bumps.released("2.0.0")
    major = bumps.pull("1.0.1 → 2.0.0")
    bumps.green(major["head"]["sha"])
    assert "only patch ones are merged by a rule" in major["body"]


def test_a_lock_stops_the_merge_by_a_rule(world: World) -> None:
    bumps = Bumps.of(world, write="merge", images="{autoMerge: [patch]}")
    world.forge.protect(bumps.team.repo, checks={"ci": None})
    bumps.released("1.0.1")
    pull = bumps.pull("1.0.0 → 1.0.1")
    number = pull["number"]
    world.forge.comment(bumps.team.repo, number, "/lock prod")
    bumps.answered(number, "Locked")
    bumps.green(pull["head"]["sha"])
    bumps.look()
    bumps.merge_looked_at(number)
    assert bumps.running() == "1.0.0"
    world.forge.comment(bumps.team.repo, number, "/unlock prod")
    until(lambda: bumps.running() == "1.0.1", within=SLOW, what="it merged once nothing is locked")


def test_what_is_declined_in_the_file_is_closed(world: World) -> None:
    bumps = Bumps.of(world)
    bumps.released("1.1.0")
    bumps.pull("1.0.0 → 1.1.0")
    entry = f"version: 1\ndeclined:\n- image: {bumps.image('web')}\n  version: 1.1.0\n"
    bumps.team.push({".fairway/declined.yaml": entry})
    until(lambda: bumps.pulls() == [], within=SLOW, what="it closed")
    bumps.says("its version was declined")


def test_the_commands_that_flux_has_for_automations(world: World) -> None:
    bumps = Bumps.of(world)
    bumps.released("1.1.0")
    pull = bumps.pull("1.0.0 → 1.1.0")
    bumps.says(f"proposed in #{pull['number']}")
    place = ["--kubeconfig", world.sandbox.kubeconfig, "-n", bumps.team.namespace]

    def run(*arguments: str) -> str:
        told = CliRunner().invoke(cli, [*arguments, *place])
        assert told.exit_code == 0, told.output
        return told.output

    assert f"proposed in #{pull['number']}" in run("reconcile", "image", "update", "auto")
    header, row = [re.split(r"\s*\t", line) for line in run("get", "image", "update").splitlines()]
    assert header == ["NAME", "LAST RUN", "SUSPENDED", "READY", "MESSAGE"]
    assert (row[0], row[2:4]) == ("auto", ["False", "True"])
    assert f"proposed in #{pull['number']}" in row[4]
    assert "imageupdateautomation/auto" in run("get", "images", "all")
    told = run("events", "--for", "ImageUpdateAutomation/auto")
    assert f"opened pull request #{pull['number']}" in told
    run("suspend", "image", "update", "auto")
    assert world.client.get(bumps.ref())["spec"]["suspend"] is True
    run("resume", "image", "update", "auto", "--wait")
    assert not world.client.get(bumps.ref())["spec"].get("suspend")
