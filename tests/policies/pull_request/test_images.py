# SPDX-License-Identifier: Apache-2.0
"""Which containers run an image that was merged, and how they are."""

from __future__ import annotations

from typing import Any

import pytest

from policies.commit_status import Part
from policies.health import Health, Verdict
from policies.images.setters import Image
from policies.objects import ObjectRef
from policies.pull_request import Mark
from policies.pull_request.images import has_containers, runs

DIGEST = "sha256:" + "a" * 64
WEB = Image("ghcr.io/acme/web", "1.1.0")
CURRENT, STARTING = Health(Verdict.CURRENT, "fine"), Health(Verdict.IN_PROGRESS, "Replicas: 1/3")
FAILED = Health(Verdict.FAILED, "Deadline exceeded\nmore")


def part(kind: str = "Deployment", group: str = "apps", health: Health = CURRENT, **more: str) -> Part:
    return Part(ObjectRef(group, "v1", kind, "apps", "web"), health, **more)


def deployment(image: str, name: str = "web") -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [{"name": name, "image": image}]}}}}


@pytest.mark.parametrize(
    ("image", "one", "wanted"),
    [
        ("ghcr.io/acme/web:1.1.0", part(), (Mark.DONE, "healthy")),
        ("ghcr.io/acme/web:1.0.0", part(), (Mark.WAITS, "still 1.0.0")),
        ("ghcr.io/acme/web", part(), (Mark.WAITS, "another one")),
        ("ghcr.io/acme/web:1.1.0", part(health=STARTING, count="1 of 3 ready"), (Mark.WAITS, "1 of 3 ready")),
        ("ghcr.io/acme/web:1.1.0", part(health=STARTING), (Mark.WAITS, "not healthy yet")),
        ("ghcr.io/acme/web:1.1.0", part(health=FAILED), (Mark.FAILED, "Deadline exceeded")),
        (
            "ghcr.io/acme/web:1.1.0",
            part(health=STARTING, trouble="ImagePullBackOff for web"),
            (Mark.FAILED, "ImagePullBackOff for web"),
        ),
    ],
)
def test_how_a_container_is(image: str, one: Part, wanted: tuple[Mark, str]) -> None:
    (row,) = runs([WEB], one, deployment(image), ["prod", "dev"])
    assert (row.mark, row.state) == wanted
    assert (row.image, row.container, row.environments) == ("ghcr.io/acme/web:1.1.0", "web", "prod, dev")


def test_another_digest_of_the_same_tag_is_not_it_yet() -> None:
    pinned = Image(WEB.name, WEB.tag, DIGEST)
    for image, mark in (
        (f"{WEB.name}:1.1.0@{DIGEST}", Mark.DONE),
        (f"{WEB.name}:1.1.0@sha256:b", Mark.WAITS),
    ):
        assert [row.mark for row in runs([pinned], part(), deployment(image), [])] == [mark]


@pytest.mark.parametrize(
    ("kind", "group", "live"),
    [
        ("CronJob", "batch", {"spec": {"jobTemplate": deployment("ghcr.io/acme/web:1.1.0")}}),
        ("Pod", "", deployment("ghcr.io/acme/web:1.1.0")["spec"]["template"]),
        ("StatefulSet", "apps", deployment("ghcr.io/acme/web:1.1.0")),
    ],
)
def test_containers_are_found_in_every_kind(kind: str, group: str, live: dict[str, Any]) -> None:
    one = part(kind, group)
    assert has_containers(one)
    assert len(list(runs([WEB], one, live, []))) == 1


def test_what_runs_something_else_is_left_out() -> None:
    other = deployment("ghcr.io/acme/api:1.1.0")
    assert list(runs([WEB], part(), other, [])) == []
    assert list(runs([WEB], part(), {"spec": {"template": None}}, [])) == []
    assert not has_containers(part("ConfigMap", ""))
