# SPDX-License-Identifier: Apache-2.0
"""What is said of a look for newer images: a table of a policy, its repository, and what that comes to."""

from __future__ import annotations

from typing import Any

import pytest

from policies.images.rescans import Look, is_asked, look, repository_of
from policies.images.setters import Image
from policies.objects import Object

NAME, DIGEST, OTHER = "ghcr.io/acme/web", "sha256:" + "a" * 64, "sha256:" + "b" * 64
WEB = Image(NAME, "6.9.1", "")
REQUESTED = "reconcile.fluxcd.io/requestedAt"


def obj(
    ready: str = "True", *, asked: str = "1", heard: str = "1", suspend: bool = False, **status: Any
) -> Object:
    condition = {"type": "Ready", "status": ready, "message": "it is so"}
    return {
        "metadata": {"namespace": "apps", "name": "web", "annotations": {REQUESTED: asked}},
        "spec": {"suspend": suspend},
        "status": {"conditions": [condition], "lastHandledReconcileAt": heard, **status},
    }


def chooses(tag: str = "6.9.1", *, name: str = NAME, digest: str = "", **more: Any) -> Object:
    latest = {"name": name, "tag": tag, **({"digest": digest} if digest else {})}
    found = obj(latestRef=latest, **more)
    found["spec"]["imageRepositoryRef"] = {"name": "web"}
    return found


def seen(chooser: Object | None, image: Image = WEB, scan: Any = None) -> tuple[str, str, str]:
    repositories = scan if scan is not None else {("apps", "web"): obj()}
    found = look("apps:web", image, chooser, repositories)
    return found.seen, found.of, found.found


POLICY, REPOSITORY = "ImagePolicy/apps/web", "ImageRepository/apps/web"


@pytest.mark.parametrize(
    ("chooser", "scan", "expected"),
    [
        (chooses(), None, ("same", POLICY, "")),
        (chooses("6.9.2"), None, ("newer", POLICY, f"{NAME}:6.9.2")),
        (chooses(name="ghcr.io/acme/new"), None, ("newer", POLICY, "ghcr.io/acme/new:6.9.1")),
        (chooses(digest=DIGEST), None, ("same", POLICY, "")),
        (None, None, ("missing", POLICY, "")),
        (chooses(), {("apps", "web"): None}, ("missing", REPOSITORY, "")),
        (chooses(), {}, ("foreign", REPOSITORY, "")),
        (chooses(), {("apps", "web"): obj("False")}, ("failed", REPOSITORY, "it is so")),
        (chooses(), {("apps", "web"): obj(suspend=True)}, ("suspended", REPOSITORY, "")),
        (chooses(), {("apps", "web"): obj(asked="2")}, ("waits", REPOSITORY, "")),
        (chooses(ready="False"), None, ("failed", POLICY, "it is so")),
        (chooses(suspend=True), None, ("suspended", POLICY, "")),
        (chooses(asked="2"), None, ("waits", POLICY, "")),
        (chooses(heard=""), None, ("waits", POLICY, "")),
    ],
)
def test_what_is_seen(chooser: Object | None, scan: Any, expected: tuple[str, str, str]) -> None:
    assert seen(chooser, scan=scan) == expected


def test_of_the_same_tag_the_digest_makes_the_difference() -> None:
    pinned = Image(NAME, "6.9.1", DIGEST)
    assert seen(chooses(digest=DIGEST), pinned)[0] == "same"
    repositories: dict[tuple[str, str], Object | None] = {("apps", "web"): obj()}
    assert look("apps:web", pinned, chooses(digest=OTHER), repositories) == Look(
        "apps:web", "newer", POLICY, f"{NAME}:6.9.1@{DIGEST}", f"{NAME}:6.9.1@{OTHER}"
    )


def test_a_policy_names_its_repository() -> None:
    policy = chooses()
    assert repository_of(policy) == ("apps", "web")
    policy["spec"]["imageRepositoryRef"] = {"name": "web", "namespace": "shared"}
    assert repository_of(policy) == ("shared", "web")


def test_a_request_waits_until_it_is_heard() -> None:
    assert is_asked(obj(asked="2"))
    assert not is_asked(obj())
    assert not is_asked(obj(asked="2", suspend=True))
    assert not is_asked({"metadata": {}})
