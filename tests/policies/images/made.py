# SPDX-License-Identifier: Apache-2.0
"""Updates for the tables, written short."""

from __future__ import annotations

from datetime import UTC, datetime

from policies.images.setters import Change, Identity, Image, Part
from policies.images.updates import Update

DIGEST = "sha256:" + "a" * 64
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)  # a Friday


def change(
    old: str, part: Part = "tag", *, path: str = "apps/web/a.yaml", policy: str = "apps:web"
) -> Change:
    return Change(path, 1, old, "", policy, part, Identity())


def update(
    name: str = "web",
    tag: str = "1.2.3",
    *,
    old: str = "1.2.2",
    digest: str = "",
    paths: tuple[str, ...] = ("apps/web/a.yaml",),
    since: datetime | None = None,
) -> Update:
    policy = f"apps:{name}"
    changes = tuple(change(old, path=path, policy=policy) for path in paths)
    return Update(policy, Image(f"ghcr.io/acme/{name}", tag, digest), changes, since)
