# SPDX-License-Identifier: Apache-2.0
"""People order things in pull requests for new images, with the whole of Fairway."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from policies.images import record as records
from policies.images.grouping import BRANCHES
from policies.images.record import Record, line
from policies.images.setters import Image
from policies.objects import ObjectRef, annotations_of
from tests.fixtures.world import Team, World, config_map, until
from tests.scenarios.conversation import Pulls
from tests.scenarios.test_orders import look_for_orders, people, reactions, replies, say
from workers.github import AppJwt, Change, GitHub

GROUP = "image.toolkit.fluxcd.io"
SLOW = 60.0  # seconds; each order is a matter of moments, on a machine that has time
FILE, DECLINED = "app/web.yaml", ".fairway/declined.yaml"


@contextmanager
def ours(world: World) -> Iterator[GitHub]:
    """Speak to the forge as Fairway's own App."""
    environment = world.environment()
    with open(environment["FAIRWAY_GITHUB_PRIVATE_KEY_FILE"]) as key:
        signs = AppJwt(environment["FAIRWAY_GITHUB_APP_ID"], key.read())
    with closing(GitHub(signs, api_url=world.forge.api_url, allow_loopback=True)) as github:
        yield github


@dataclass
class Bumps:
    """A team whose image is in a registry, and whose automation writes nothing by itself."""

    pulls: Pulls
    path: str

    @classmethod
    def of(cls, world: World) -> Bumps:
        pulls = people(world, files={FILE: config_map("web", "1.0.0")})
        team, registry = pulls.team, world.registry
        path = f"acme/{team.namespace}"
        registry.push(path, "1.0.0")
        registry.push(path, "1.1.0")
        created(team, "ImageRepository", "web", image=f"{registry.host}/{path}", interval="1h")
        choice = {"semver": {"range": "1.x"}}
        created(team, "ImagePolicy", "web", imageRepositoryRef={"name": "web"}, policy=choice)
        git = {"commit": {"author": {"email": "bot@example.com"}}}
        source = {"kind": "GitRepository", "name": "src"}
        created(
            team, "ImageUpdateAutomation", "fleet", interval="1h", suspend=True, git=git, sourceRef=source
        )
        return cls(pulls, path)

    @property
    def team(self) -> Team:
        return self.pulls.team

    @property
    def image(self) -> str:
        return f"{self.team.world.registry.host}/{self.path}"

    @property
    def branch(self) -> str:
        return f"{BRANCHES}{self.team.namespace}.fleet/policy-web"

    def ref(self, kind: str, name: str = "web") -> ObjectRef:
        return ObjectRef(GROUP, "v1", kind, self.team.namespace, name)

    def proposed(self, tag: str = "1.1.0") -> int:
        """Have Fairway's App open a pull request for a version."""
        repository = self.team.repo.full_name
        with ours(self.team.world) as github:
            base = github.git_data.head(repository, "main")
            assert base
            github.git_data.commit(
                repository, self.branch, parent=base, message=f"web {tag}",
                changes=[Change(FILE, content=config_map("web", tag).encode())],
            )  # fmt: skip
            said = Record(base, {f"{self.team.namespace}:web": Image(self.image, tag, "")})
            made = github.pulls.ensure(
                repository, head=self.branch, base="main", title=f"Bump web to {tag}", body=line(said)
            )
        return made.number

    def running(self) -> str:
        return str(((self.team.config("web") or {}).get("data") or {}).get("value", ""))


def created(team: Team, kind: str, name: str, **spec: Any) -> None:
    team.create(f"{GROUP}/v1", kind, name, **spec)


def ends(pulls: Pulls, comment: int, reaction: str) -> None:
    """Wait for Fairway's last word on a comment."""
    until(lambda: reactions(pulls, comment) == [reaction], within=SLOW, what=reaction)


def test_one_is_ignored_and_opened_again(world: World) -> None:
    bumps = Bumps.of(world)
    number = bumps.proposed()
    comment = say(bumps.pulls, number, "/ignore minor")
    ends(bumps.pulls, comment, "rocket")
    assert f"every version 1.1 of `{bumps.image}`" in replies(bumps.pulls, number)[0]
    pull = world.forge.pull_request(bumps.team.repo, number)
    said = records.read(pull["body"])
    assert (pull["state"], said and said.scope) == ("closed", "minor")
    world.forge.reopen(bumps.team.repo, number)
    ends(bumps.pulls, say(bumps.pulls, number, "/ignore", "bob"), "rocket")


@pytest.mark.parametrize("blow", ["", "the worker dies", "Redis is emptied"])
def test_a_newer_image_is_looked_for(world: World, blow: str) -> None:
    bumps = Bumps.of(world)
    number = bumps.proposed()
    ends(bumps.pulls, first := say(bumps.pulls, number, "/rescan"), "rocket")
    assert replies(bumps.pulls, number) == [f"Nothing is newer than `{bumps.image}:1.1.0`."]
    world.registry.push(bumps.path, "1.2.0")
    comment = say(bumps.pulls, number, "/rescan", "bob")
    if blow:
        until(lambda: reactions(bumps.pulls, comment), what="that it was heard")
    if blow == "the worker dies":
        world.kill("worker")
    if blow == "Redis is emptied":
        world.redis.flushall()
        look_for_orders(bumps.pulls)
    ends(bumps.pulls, comment, "rocket")
    assert f"chooses `{bumps.image}:1.2.0` now" in replies(bumps.pulls, number)[1]
    assert reactions(bumps.pulls, first) == ["rocket"]


@pytest.mark.parametrize("order", ["/reject", "/rollback staging"])
def test_what_was_merged_is_taken_back_and_written_down(world: World, order: str) -> None:
    bumps = Bumps.of(world)
    team, number = bumps.team, bumps.proposed()
    team.settled(bumps.pulls.merged(number))
    until(lambda: bumps.running() == "1.1.0", within=SLOW, what="the new version applied")
    comment = say(bumps.pulls, number, f'{order} reason="loses sessions"', "bob")
    ends(bumps.pulls, comment, "rocket")
    (back,) = world.forge.pull_requests(team.repo)
    path = f"/repos/{team.repo.full_name}/pulls/{back['number']}/files"
    changed = {one["filename"]: one["status"] for one in world.forge._as("alice", "GET", path)}
    assert changed == {FILE: "modified", DECLINED: "added"}
    team.settled(bumps.pulls.merged(int(back["number"])))
    assert bumps.running() == "1.0.0"


def test_nobody_orders_anything_by_a_branch_of_the_same_name(world: World) -> None:
    bumps = Bumps.of(world)
    said = Record("b" * 40, {f"{bumps.team.namespace}:web": Image(bumps.image, "1.1.0", "")})
    number = bumps.pulls.opened({FILE: config_map("web", "9.9.9")}, branch=bumps.branch, body=line(said))
    comment = say(bumps.pulls, number, "/rescan\n\n/rebase\n\n/ignore\n\n/reject")
    ends(bumps.pulls, comment, "confused")
    (answer,) = replies(bumps.pulls, number)
    assert answer.count("this pull request was not opened by Fairway") == 4
    assert world.forge.pull_request(bumps.team.repo, number)["state"] == "open"
    for kind in ("ImageRepository", "ImagePolicy"):
        assert "reconcile.fluxcd.io/requestedAt" not in annotations_of(world.client.get(bumps.ref(kind)))
    assert not annotations_of(world.client.get(bumps.ref("ImageUpdateAutomation", "fleet")))
