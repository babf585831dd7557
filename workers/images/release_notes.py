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
        for tag in sources.tags(update.image.tag) if _may_be_told(context, place, name) else ():
            if (said := place.github.releases.of_tag(name, tag)) is not None:
                return Release(update.image.name, said.name, said.url, said.body)
    except GitHubError as error:
        log.info("no release notes repository=%s: %s", name, error)
    return linked


def _may_be_told(context: Context, place: Place, source: str) -> bool:
    repositories = place.github.repositories
    private = repositories.get(source).private
    return sources.may_be_told(
        source,
        private=private,
        to=place.repository,
        # Whoever may read the pull request reads what it tells.
        to_private=private and repositories.get(place.repository).private,
        tenancy=context.settings.tenancy,
    )
