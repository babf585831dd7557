# SPDX-License-Identifier: Apache-2.0
"""A branch's name makes no pull request one of ours: nothing of anybody is touched for one that is none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from policies.images.record import line
from policies.objects import ObjectRef
from tests.workers.orders.bumps import GROUP, automation, branch_of, create, proposed, record
from tests.workers.orders.conftest import made
from tests.workers.orders.scene import Scene

VERBS = ("/ignore major", "/rescan", "/rebase", '/reject reason="mine"')
_SOURCE = "source.toolkit.fluxcd.io"


def foreign(scene: Scene) -> str:
    """Return a namespace that the repository is not bound to, with an automation and its policy."""
    name = f"{scene.namespace}-x"
    scene.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    source(scene, "src", name)
    automation(scene, namespace=name)
    choice = {"semver": {"range": "*"}}
    create(scene, "ImagePolicy", "web", name, imageRepositoryRef={"name": "web"}, policy=choice)
    create(scene, "ImageRepository", "web", name, image="ghcr.io/acme/web", interval="1h")
    return name


def source(scene: Scene, name: str, namespace: str, url: str = "") -> None:
    spec = {"url": url or scene.repo.clone_url, "interval": "10m", "ref": {"branch": "main"}}
    scene.client.create(made(f"{_SOURCE}/v1", "GitRepository", name, namespace, spec))


def nobodys_branch(scene: Scene) -> int:
    return scene.opened({"prod/web.yaml": "x"}, "topic-2", body=line(record(scene)))


def a_persons(scene: Scene) -> int:
    return scene.opened({"prod/web.yaml": "x"}, branch_of(scene), body=line(record(scene)))


def a_forks(scene: Scene) -> int:
    login, branch = f"mallory-{scene.repo.id}", branch_of(scene)
    scene.forge.create_account(login)
    scene.forge.allow(scene.repo, login, "read")
    fork = scene.forge.fork(scene.repo, login)
    scene.forge.commit(fork, {"prod/web.yaml": "x"}, "Bump", branch=branch, author=login)
    head, body = f"{login}:{branch}", line(record(scene))
    opened = scene.forge.open_pull_request(scene.repo, head, "Bump", body=body, author=login)
    return int(opened["number"])


def of_a_foreign_namespace(scene: Scene) -> int:
    """The automation even writes to this repository; the repository is not bound to it."""
    name = foreign(scene)
    return proposed(scene, branch=branch_of(scene, name), said=record(scene, namespace=name))


def without_a_record(scene: Scene) -> int:
    number = proposed(scene)
    scene.forge.edit_pull_request(scene.repo, number, body="Just so.")
    return number


def of_foreign_policies(scene: Scene) -> int:
    return proposed(scene, said=record(scene, namespace=foreign(scene)))


def of_no_automation(scene: Scene) -> int:
    return proposed(scene, branch=branch_of(scene, name="gone"))


def of_an_automation_of_another_repository(scene: Scene) -> int:
    source(scene, "other", scene.namespace, scene.repo.clone_url.replace("/fleet", "/other"))
    automation(scene, "elsewhere", name="other")
    return proposed(scene, branch=branch_of(scene, name="elsewhere"))


def of_a_foreign_source(scene: Scene) -> int:
    automation(scene, "across", namespace_of_source=foreign(scene))
    return proposed(scene, branch=branch_of(scene, name="across"))


STRANGERS: dict[Callable[[Scene], int], str] = {
    nobodys_branch: "this is no pull request for new images",
    a_persons: "was not opened by Fairway",
    a_forks: "was not opened by Fairway",
    of_a_foreign_namespace: "which this repository is not bound to",
    without_a_record: "does not say any more which images it is about",
    of_foreign_policies: "does not say any more which images it is about",
    of_no_automation: "there is no ImageUpdateAutomation",
    of_an_automation_of_another_repository: "does not write to this repository",
    of_a_foreign_source: "does not write to this repository",
}


def belongings(scene: Scene) -> dict[str, str]:
    """Return all objects with their versions, and where branches and pull requests are."""
    kinds = ("ImageRepository", "ImagePolicy", "ImageUpdateAutomation")
    resources = [scene.client.discovery.resource(GROUP, "v1", kind) for kind in kinds]
    resources.append(scene.client.discovery.resource(_SOURCE, "v1", "GitRepository"))
    found = {
        str(ObjectRef.of(obj)): str(obj["metadata"]["resourceVersion"])
        for resource in resources
        for obj in scene.client.list(resource)[0]
        if obj["metadata"]["namespace"].startswith(scene.namespace)
    }
    pulls = scene.forge.pull_requests(scene.repo, state="all")
    found |= {f"#{pull['number']}": f"{pull['state']} {pull['body']}" for pull in pulls}
    return found | scene.forge.refs(scene.repo)


@pytest.mark.parametrize("merged", [False, True], ids=["open", "merged"])
@pytest.mark.parametrize("stranger", STRANGERS, ids=lambda one: one.__name__)
def test_nothing_is_done_for_a_stranger(scene: Scene, stranger: Callable[[Scene], int], merged: bool) -> None:
    automation(scene)
    number = stranger(scene)
    if merged:
        scene.merged(number)
    before = belongings(scene)
    comment = scene.order("\n\n".join(VERBS), number=number)
    assert scene.reactions(comment) == ["confused"]
    answers = scene.reply(number).split("\n\n")
    assert [answer.partition(": ")[0] for answer in answers] == [
        f"Nothing here waits for `{verb}`" for verb in VERBS
    ]
    assert all(STRANGERS[stranger] in answer for answer in answers)
    assert belongings(scene) == before
    assert scene.orders() == []
    scene.order("/help", number=number)
    assert "/ignore" not in scene.replies(number)[1]


def test_one_of_a_namespace_that_is_bound_is_no_stranger(scene: Scene) -> None:
    """As a control: the same pull request, of an automation that the repository has a say in."""
    automation(scene, namespace=scene.staging, namespace_of_source=scene.namespace)
    branch = branch_of(scene, scene.staging)
    number = proposed(scene, branch=branch, said=record(scene, namespace=scene.staging))
    assert scene.reactions(scene.order("/ignore", number=number)) == ["rocket"]
