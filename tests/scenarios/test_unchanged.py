# SPDX-License-Identifier: Apache-2.0
"""What is not done again: builds that a push does not concern, objects that stand as they were applied.

And what is put right at once: what somebody changed on the cluster.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli import cli
from policies import history
from policies.objects import ObjectRef
from tests.fixtures.world import Team, World, config_map, deployment, until
from tests.scenarios.test_kustomization import KIND, events, patch, request

_TOLD = 2.0  # seconds after a push in which all of twenty followers have been run for it, by whichever way
UNCONCERNED = "not rebuilt: nothing it reads of its source has changed"


def built(team: Team, name: str = "app") -> str:
    """Return what the last run says of its build."""
    return str(team.applied(name)["status"]["history"][0]["metadata"].get(history.BUILD))


def version(team: Team, name: str = "first") -> str:
    return str((team.config(name) or {})["metadata"]["resourceVersion"])


def test_a_push_elsewhere_advances_the_revision_and_builds_nothing(world: World) -> None:
    team = world.team()
    team.settled(team.push({"app/second.yaml": config_map("second")}))
    team.settled(team.push({"app/third.yaml": config_map("third")}))
    assert built(team) == "rebuilt: app changed"
    before = version(team)
    team.settled(sha := team.push({"docs/readme.md": "hello"}))
    assert built(team) == UNCONCERNED
    assert version(team) == before
    assert team.final(sha)["state"] == "success"
    team.settled(team.push({"app/first.yaml": config_map("first", "2")}))
    assert built(team) == "rebuilt: app/first.yaml changed"
    request(team, "1")
    assert built(team) == "rebuilt: app/first.yaml changed", "what is told is how the revision came about"


def test_trace_says_why_it_was_not_rebuilt(world: World) -> None:
    team = world.team()
    team.settled(team.push({"app/second.yaml": config_map("second")}))
    team.settled(team.push({"docs/readme.md": "hello"}))
    place = ["--kubeconfig", world.sandbox.kubeconfig, "-n", team.namespace]
    told = CliRunner().invoke(cli, ["trace", "cm/first", *place])
    assert told.exit_code == 0, told.output
    lines = [line.split(":", 1) for line in told.output.splitlines() if ":" in line]
    assert {label: text.strip() for label, text in lines}["Build"] == UNCONCERNED


def test_a_variable_that_changes_is_a_reason_to_build(world: World) -> None:
    team = world.team()
    settings = ObjectRef("", "v1", "ConfigMap", team.namespace, "settings")
    made = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"value": "one"}}
    world.client.create(made | {"metadata": {"name": "settings", "namespace": team.namespace}})
    from_it: dict[str, Any] = {"substituteFrom": [{"kind": "ConfigMap", "name": "settings"}]}
    patch(team, ObjectRef(*KIND, team.namespace, "app"), spec={"postBuild": from_it})
    team.settled(team.push({"app/first.yaml": config_map("first", "${value}")}))
    assert (team.config("first") or {})["data"] == {"value": "one"}
    patch(team, settings, data={"value": "two"})
    request(team, "1")
    assert (team.config("first") or {})["data"] == {"value": "two"}
    assert built(team) == "rebuilt: its spec, a variable or a setting changed"


def test_what_was_remembered_may_be_lost(world: World) -> None:
    team = world.team()
    team.settled(team.push({"app/second.yaml": config_map("second")}))
    before = version(team)
    world.redis.flushall()
    request(team, "1")
    assert built(team) == "rebuilt: nothing is remembered of its last build"
    assert version(team) == before, "what stands as it is wanted is left alone"


@pytest.mark.parametrize("flushed", [False, True], ids=["remembered", "after-a-flush"])
def test_what_somebody_changes_is_put_right_at_once(world: World, flushed: bool) -> None:
    team = world.team(interval="1h")
    team.settled(
        team.push({"app/web.yaml": deployment("web", replicas=0), "app/gone.yaml": config_map("gone")})
    )
    if flushed:
        world.redis.flushall()
    web = ObjectRef("apps", "v1", "Deployment", team.namespace, "web")
    patch(team, web, spec={"replicas": 3})
    until(lambda: world.client.get(web)["spec"]["replicas"] == 0, within=10, what="the replicas put right")
    world.client.delete(ObjectRef("", "v1", "ConfigMap", team.namespace, "gone"))
    until(lambda: team.config("gone"), within=10, what="the deleted object back")
    patch(team, web, status={"observedGeneration": 1})
    patch(team, web, metadata={"annotations": {"somebody": "else"}})
    time.sleep(0.5)
    assert world.client.get(web)["metadata"]["annotations"]["somebody"] == "else", "what Git does not name"


def test_what_was_changed_while_its_stage_could_not_be_applied_is_put_right_with_it(world: World) -> None:
    """The fields are ours again before the stage fails; that must not read as being as it was applied."""
    team = world.team()
    team.settled(team.push({"app/first.yaml": config_map("first"), "app/second.yaml": config_map("second")}))
    broken = "apiVersion: none.example.com/v1\nkind: Nothing\nmetadata:\n  name: nothing\n"
    assert team.final(team.push({"app/broken.yaml": broken}))["state"] == "failure"
    edited = {"data": {"value": "by hand"}}
    ref = ObjectRef("", "v1", "ConfigMap", team.namespace, "first")
    world.client.patch(ref, edited, manager="kubectl-edit")

    def taken_over() -> bool:
        managers = {entry["manager"] for entry in (team.config("first") or {})["metadata"]["managedFields"]}
        return "kubectl-edit" not in managers

    until(taken_over, what="the fields to be ours again")
    assert (team.config("first") or {})["data"] == {"value": "by hand"}, "its stage is not applied"
    team.settled(team.push({"app/broken.yaml": None}))
    assert (team.config("first") or {})["data"] == {"value": "1"}


def test_two_that_undo_each_other_slow_down_and_a_person_is_told(world: World) -> None:
    team = world.team(interval="1h")
    team.settled(team.push({"app/second.yaml": config_map("second")}))
    first = ObjectRef("", "v1", "ConfigMap", team.namespace, "first")
    for _ in range(3):
        patch(team, first, data={"value": "theirs"})
        until(lambda: (team.config("first") or {})["data"] == {"value": "1"}, what="it put right")
    [told] = until(lambda: events(team, "DriftDetected"), what="a person told")
    assert f"ConfigMap/{team.namespace}/first was changed by manager 'somebody' for the 3rd time" in told
    began = time.monotonic()
    patch(team, first, data={"value": "theirs"})
    until(lambda: (team.config("first") or {})["data"] == {"value": "1"}, what="it put right again")
    assert time.monotonic() - began > 1.5, "the fourth is put right later"


def test_a_suspended_one_leaves_what_somebody_changes(world: World) -> None:
    team = world.team(interval="1h")
    team.settled(team.push({"app/second.yaml": config_map("second")}))
    app = ObjectRef(*KIND, team.namespace, "app")
    patch(team, app, spec={"suspend": True})
    first = ObjectRef("", "v1", "ConfigMap", team.namespace, "first")
    patch(team, first, data={"value": "theirs"})
    time.sleep(1)
    assert (team.config("first") or {})["data"] == {"value": "theirs"}
    patch(team, app, spec={"suspend": False})
    until(lambda: (team.config("first") or {})["data"] == {"value": "1"}, what="it put right when resumed")


def at(team: Team, sha: str) -> set[str]:
    """Name the Kustomizations that have applied a commit, all as they are at one moment."""
    client = team.world.client
    found, _ = client.list(client.discovery.resource(*KIND), namespace=team.namespace)
    return {one["metadata"]["name"] for one in found if one["status"]["lastAppliedRevision"].endswith(sha)}


def test_of_many_followers_the_one_that_a_push_concerns_goes_first(world: World) -> None:
    team = world.team(paths=tuple(f"app{n}" for n in range(20)))
    first = team.push({f"app{n}/first.yaml": config_map(f"first{n}") for n in range(20)})
    for n in range(20):
        team.settled(first, f"app{n}")
    time.sleep(_TOLD)  # a run that the first push has still set off would find the second's revision
    sha = team.push({"app7/first.yaml": config_map("first7", "7")})
    assert "app7" in until(lambda: at(team, sha), what="somebody there"), "the others are in no hurry"
    for n in range(20):
        team.settled(sha, f"app{n}")
    assert built(team, "app7") == "rebuilt: app7/first.yaml changed"
    assert {built(team, f"app{n}") for n in range(20) if n != 7} == {UNCONCERNED}
    assert team.final(sha)["state"] == "success"
