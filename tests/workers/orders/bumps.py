# SPDX-License-Identifier: Apache-2.0
"""Pull requests for new images as our App opens them, and what stands behind them in the cluster."""

from __future__ import annotations

from typing import Any

from policies.images.record import Record, line, read
from policies.images.setters import Image
from policies.objects import Object, ObjectRef, annotations_of
from tests.workers.orders.conftest import config, made
from tests.workers.orders.scene import Scene
from workers.github import Change

GROUP = "image.toolkit.fluxcd.io"
BRANCH, FILE = "policy-web", "prod/web.yaml"
IMAGE = "ghcr.io/acme/web"


def ref(scene: Scene, kind: str, name: str, namespace: str = "") -> ObjectRef:
    return ObjectRef(GROUP, "v1", kind, namespace or scene.namespace, name)


def create(scene: Scene, kind: str, name: str, namespace: str = "", **spec: Any) -> ObjectRef:
    where = namespace or scene.namespace
    scene.client.create(made(f"{GROUP}/v1", kind, name, where, spec))
    return ref(scene, kind, name, where)


def automation(
    scene: Scene,
    called: str = "fleet",
    *,
    namespace: str = "",
    name: str = "src",
    namespace_of_source: str = "",
) -> ObjectRef:
    """Make an automation that writes to a GitRepository, by default the one of the scene's repository."""
    git = {"commit": {"author": {"name": "Bot", "email": "bot@example.com"}}, "push": {"branch": "images"}}
    source = {"kind": "GitRepository", "name": name}
    source |= {"namespace": namespace_of_source} if namespace_of_source else {}
    return create(scene, "ImageUpdateAutomation", called, namespace, interval="1h", git=git, sourceRef=source)


def branch_of(scene: Scene, namespace: str = "", name: str = "fleet") -> str:
    return f"fairway/images/{namespace or scene.namespace}.{name}/{BRANCH}"


def record(scene: Scene, tag: str = "1.1.0", *, image: str = IMAGE, namespace: str = "") -> Record:
    return Record("b" * 40, {f"{namespace or scene.namespace}:web": Image(image, tag, "")})


def pushed(scene: Scene, tag: str, branch: str = "", parent: str = "main") -> str:
    """Have our App put a commit on a branch, made anew from a base."""
    github = scene.context.github
    assert github is not None
    base = github.git_data.head(scene.repo.full_name, parent)
    assert base is not None
    change = Change(FILE, content=config("web", tag).encode())
    return github.git_data.commit(
        scene.repo.full_name, branch or branch_of(scene), parent=base, changes=[change], message=f"web {tag}"
    )


def proposed(scene: Scene, tag: str = "1.1.0", *, branch: str = "", said: Record | None = None) -> int:
    """Have our App open a pull request for a version, and return its number."""
    head = branch or branch_of(scene)
    pushed(scene, tag, head)
    github = scene.context.github
    assert github is not None
    body = f"New images.\n\n{line(said or record(scene, tag))}\n"
    title = f"Bump web to {tag}"
    return github.pulls.ensure(scene.repo.full_name, head=head, base="main", title=title, body=body).number


def notes(scene: Scene, of: ObjectRef) -> dict[str, str]:
    return dict(annotations_of(scene.client.get(of)))


def handled(scene: Scene, of: ObjectRef) -> None:
    """Say in a status that a request was heard."""
    token = notes(scene, of).get("reconcile.fluxcd.io/requestedAt", "")
    patch = {"status": {"lastHandledReconcileAt": token}}
    scene.client.patch(of, patch, manager="test", subresource="status")


def carried_out(scene: Scene, of: ObjectRef, number: int, tag: str = "1.1.0") -> str:
    """Do what an automation's worker does with an order to make a branch anew; returns its head."""
    head = asked(scene, number)
    if head:
        # The commit first, then the text, which wants nothing any more.
        pushed(scene, tag)
        proposed(scene, tag)
    handled(scene, of)
    return str(scene.forge.pull_request(scene.repo, number)["head"]["sha"])


def asked(scene: Scene, number: int) -> str:
    """Return the head with which a branch is to be made anew; empty when it is not."""
    shown = scene.forge.pull_request(scene.repo, number)
    found = read(shown["body"])
    return found.anew if found and found.wants_anew(shown["head"]["sha"]) else ""


def closed(scene: Scene, number: int) -> Object:
    shown = scene.forge.pull_request(scene.repo, number)
    assert (shown["state"], shown["merged"]) == ("closed", False)
    return shown
