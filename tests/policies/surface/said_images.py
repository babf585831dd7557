# SPDX-License-Identifier: Apache-2.0
"""Everything that is said in pull requests for images, beside `said`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from policies.field_diff import Field
from policies.images.content import Changed, Content, Gates, Release, Rendered, Row
from policies.images.record import Record, read
from policies.images.setters import Change, Identity, Image
from policies.surface import images

Through = Callable[[str], str]
MADE = "2026-11-26T08:30:00Z"
BASE = "b" * 40
DIGEST = "sha256:" + "a" * 64
RELEASE = "https://github.example/acme/web/releases/tag/v6.9.1"


def row(t: Through = str, name: str = "web") -> Row:
    return Row(
        image=t(f"ghcr.io/acme/{name}"),
        old=(t("6.9.0"),),
        new=t("6.9.1"),
        made=MADE,
        digest=t(DIGEST),
        policy=t(f"apps/{name}"),
        rule=f"the highest version in {t('6.x')}, of the tags like {t('^6')}",
    )


def changes(t: Through = str, count: int = 1) -> tuple[Change, ...]:
    return tuple(
        Change(t(f"apps/web/{n}.yaml"), 14 + n, t("6.9.0"), t("6.9.1"), "apps:web", "tag", Identity())
        for n in range(count)
    )


def rendered(t: Through = str, count: int = 1, name: str = "apps/web") -> Rendered:
    path = "spec.template.spec.containers[name=web].image"
    field = Field(t(path), t("ghcr.io/acme/web:6.9.0"), t("ghcr.io/acme/web:6.9.1"))
    objects = tuple(Changed(t(f"Deployment apps/web-{n}"), (field,)) for n in range(count))
    return Rendered(t(name), (*objects, Changed(t("ConfigMap apps/flags"), how="new")))


def record(t: Through = str) -> Record:
    image = Image(t("ghcr.io/acme/web") or "x", t("6.9.1") or "x", t(DIGEST))
    return Record(BASE, {t("apps:web"): image})


def body(content: Content, hidden: Record) -> str:
    """Return what people see: the hidden line is held to its own rules."""
    first, _, shown = images.body(content, hidden).partition("\n\n")
    assert read(first) in (hidden, None)  # none of what is longer than any image
    return shown


def plain(t: Through = str) -> Content:
    return Content((row(t),), changes(t), Gates(people_merge="no rule of the repository merges it"))


def whole(t: Through = str) -> Content:
    gates = Gates(t("72h"), (t("Mon, Tue 08:00 to 16:00 Europe/Berlin"),), "", "patch", (t("prod"), t("dev")))
    release = Release(t("ghcr.io/acme/web"), t("v6.9.1"), RELEASE, t("Fixes #12, thanks @octocat") + "\nEnd")
    return replace(plain(t), gates=gates, rendered=(rendered(t),), releases=(release,))


def in_part(t: Through = str) -> Content:
    failed = Rendered(t("apps/other"), failed=t("kustomize build failed: no such file"))
    same = Rendered(t("apps/same"))
    link = Release(t("ghcr.io/acme/web"), t("acme/web"), "https://github.example/acme/web")
    return replace(whole(t), rendered=(rendered(t), same, failed), releases=(link,))


def large(t: Through = str) -> Content:
    found = [rendered(t, 200, f"apps/web-{n}") for n in range(20)]
    release = Release(t("ghcr.io/acme/web"), t("v6.9.1"), RELEASE, "why\n" * 9000)
    return replace(
        whole(t),
        rows=tuple(row(t, f"web-{n}") for n in range(80)),
        changes=changes(t, 400),
        rendered=tuple(found),
        releases=(release,) * 2,
    )


PLAIN_IMAGES: dict[str, str] = {
    "images.title": images.title([row()]),
    "images.title.digest": images.title([replace(row(), old=("6.9.1",))]),
    "images.title.long": images.title([row(name="x" * 200)]),
    "images.title.many": images.title([row(), row(name="api")]),
    "images.body.large": body(large(), record()),
    "images.title.application": images.title([row(), row(name="api")], "apps/web"),
}

# fmt: off
SAID_IMAGES: dict[str, Callable[[Through], str]] = {
    "images.body": lambda t: body(plain(t), record(t)),
    "images.body.whole": lambda t: body(whole(t), record(t)),
    "images.body.in_part": lambda t: body(in_part(t), record(t)),
    "images.body.unrendered": lambda t: body(
        replace(plain(t), unrendered=t("no Kustomization here reads these files")), record(t)),
    "images.closed.nothing_left": lambda t: images.closed("nothing-left"),
    "images.closed.declined": lambda t: images.closed("declined"),
    "images.closed.regrouped": lambda t: images.closed("regrouped"),
    "images.edited": lambda t: images.edited(),
}
# fmt: on
