# SPDX-License-Identifier: Apache-2.0
"""What the makers of images say of their new versions, where our App may read it; it holds up nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from policies.images import sources
from policies.images.content import Release
from policies.images.updates import Update
from workers.context import Context
from workers.github import GitHubError
from workers.images.facts import Facts
from workers.images.place import Place

log = logging.getLogger(__name__)


def releases(context: Context, place: Place, facts: Facts, updates: Iterable[Update]) -> tuple[Release, ...]:
    """Return the release of each image's version, or where its source is, each once."""
    found: dict[tuple[str, str], Release] = {}
    for update in updates:
        source = facts.of(update.policy, update.image).source
        key = (source, update.image.tag)
        if source and key not in found and (release := _release(context, place, update, source)) is not None:
            found[key] = release
    return tuple(found.values())


def _release(context: Context, place: Place, update: Update, source: str) -> Release | None:
    name = sources.repository(source, context.settings.github_url)
    address = sources.address(source.removeprefix("git+"))
    linked = Release(update.image.name, address, address) if address else None
    if not name or not context.settings.allows_account(name.partition("/")[0]):
        return linked
    try:
        there = place.github.repositories.get(name)
        told = sources.may_be_told(
            name, private=there.private, to=place.repository, tenancy=context.settings.tenancy
        )
        for tag in sources.tags(update.image.tag) if told else ():
            if (said := place.github.releases.of_tag(name, tag)) is not None:
                return Release(update.image.name, said.name, said.url, said.body)
    except GitHubError as error:
        log.info("no release notes repository=%s: %s", name, error)
    return linked
