# SPDX-License-Identifier: Apache-2.0
"""Which containers run an image that a pull request brought, and how the objects are that they are of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from policies.commit_status import Part
from policies.images.setters import Image
from policies.images.updates import split
from policies.objects import Object
from policies.pull_request.content import Mark, Runs

# Where the pods of a kind are described.
_TEMPLATES: dict[tuple[str, str], tuple[str, ...]] = {
    ("apps", "Deployment"): ("spec", "template", "spec"),
    ("apps", "StatefulSet"): ("spec", "template", "spec"),
    ("apps", "DaemonSet"): ("spec", "template", "spec"),
    ("apps", "ReplicaSet"): ("spec", "template", "spec"),
    ("batch", "Job"): ("spec", "template", "spec"),
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template", "spec"),
    ("", "Pod"): ("spec",),
}


def has_containers(part: Part) -> bool:
    """Tell whether an applied object runs containers by its kind."""
    return (part.ref.group, part.ref.kind) in _TEMPLATES


def runs(images: Iterable[Image], part: Part, live: Object, environments: Sequence[str]) -> Iterator[Runs]:
    """Yield a row for each container of a live object whose image is one of these, in whatever version."""
    wanted = {image.name: image for image in images}
    for container, reference in _containers(part, live):
        name, tag = split(reference)
        if (image := wanted.get(name)) is None:
            continue
        there = tag == image.tag and (not image.digest or image.digest in reference or "@" not in reference)
        mark, state = _how(part, arrived=there, now=tag)
        yield Runs(image.part("image"), part.ref, container, ", ".join(environments), mark, state)


def _how(part: Part, *, arrived: bool, now: str) -> tuple[Mark, str]:
    if not arrived:
        return Mark.WAITS, f"still {now}" if now else "another one"
    if part.trouble or part.health.failed:
        lines = (part.trouble or part.health.message).strip().splitlines()
        return Mark.FAILED, lines[0] if lines else "failed"
    return (Mark.DONE, "healthy") if part.health.current else (Mark.WAITS, part.count or "not healthy yet")


def _containers(part: Part, live: Object) -> Iterator[tuple[str, str]]:
    found: Any = live
    for key in _TEMPLATES.get((part.ref.group, part.ref.kind), ()):
        found = found.get(key) if isinstance(found, Mapping) else None
    for kind in ("containers", "initContainers"):
        for one in (found.get(kind) if isinstance(found, Mapping) else None) or []:
            yield str(one.get("name", "")), str(one.get("image", ""))
