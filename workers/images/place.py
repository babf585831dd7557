# SPDX-License-Identifier: Apache-2.0
"""Whether an automation proposes in pull requests, and where: decided anew with each run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from policies import conditions
from policies.errors import FairwayError
from policies.github.urls import repository_of
from policies.images import switch
from policies.images.automation import SourceManagerFailed
from policies.objects import Object, annotations_of
from policies.reference import Selection
from policies.repofile import Narrowed
from policies.repofile.model import Images
from policies.tenancy import Write
from workers.bindings import write_of
from workers.configuration import narrowed_of
from workers.context import Context
from workers.github import GitHub, GitHubError, NotFound, RateLimited
from workers.images.pushing import Work


@dataclass(frozen=True)
class Place:
    """The repository (`owner/name`) that is proposed to, what it has Fairway do, and how images are proposed.

    `write` is what our App may do there for the automation.
    """

    github: GitHub
    repository: str
    narrowed: Narrowed
    settings: Images
    write: Write = Write.NONE


def place_of(context: Context, automation: Object, url: str) -> Place | None:
    """Return where an automation proposes, None when it does not; raises FairwayError.

    One that proposed so far is not taken for one that does not while the repository's file cannot be read.
    """
    said = switch.asked(annotations_of(automation))
    if said is False:
        return None
    found, github = repository_of(url, context.settings.github_url), context.github
    if found is None or github is None:
        if said:
            raise switch.nowhere()
        _refuse_unknown(automation, url, "there is no App for this address any more")
        return None
    repository = "/".join(found)
    try:
        narrowed = narrowed_of(context, repository)
    except RateLimited:
        raise
    except NotFound as error:
        # Our App is not on this repository, so neither is a file of it for us.
        if said:
            raise _failed(error) from error
        _refuse_unknown(automation, url, error.message)
        return None
    except GitHubError as error:
        raise _failed(error) from error
    if said is None and not narrowed.tenant.bound:
        _refuse_unknown(automation, url, f"{repository} is bound no more, or its account not served")
        return None
    settings = switch.settings(said, narrowed.images, narrowed.unreadable)
    return Place(github, repository, narrowed, settings) if settings else None


def _refuse_unknown(automation: Object, url: str, why: str) -> None:
    """Raise SourceManagerFailed for an automation that proposed so far."""
    if switch.is_marked(conditions.of(automation), url):
        raise switch.not_known(why)


def prepared(context: Context, namespace: str, place: Place, work: Work, wanted: Selection) -> Place:
    """Hold the automation to what goes with pull requests, and our App to what it may do.

    Raises InvalidSource and SourceManagerFailed.
    """
    switch.refuse_contradictions(work.git, work.to, wanted)
    try:
        write = write_of(context, place.repository, {namespace, work.source.metadata.namespace})
    except RateLimited:
        raise
    except GitHubError as error:
        raise _failed(error) from error
    if write < Write.PR:
        raise switch.not_granted(place.repository)
    return replace(place, write=write)


def _failed(error: FairwayError) -> SourceManagerFailed:
    return SourceManagerFailed(f"failed configuring source manager: {error.message}", remedy=error.remedy)
