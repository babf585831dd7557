# SPDX-License-Identifier: Apache-2.0
"""Whether an automation proposes its images in pull requests, and what of its spec cannot go with that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from policies import conditions
from policies.conditions import Condition
from policies.errors import TerminalError
from policies.images.automation import Destination, InvalidSource, SourceManagerFailed
from policies.kinds.imageupdateautomation import GitSpec
from policies.reference import Kind, Selection
from policies.repofile import NAME, Problem
from policies.repofile.model import Images
from policies.tenancy import Write

ANNOTATION = "fairway.dev/pull-request"
PROPOSING = (
    "Proposing"  # the condition of an automation that proposes, kept until it is known that it does not
)


def asked(annotations: Mapping[str, str]) -> bool | None:
    """Return what the automation itself says, None for nothing; raises TerminalError for another word."""
    word = annotations.get(ANNOTATION, "")
    if word in ("enabled", "disabled"):
        return word == "enabled"
    if not word:
        return None
    raise TerminalError(
        f"the annotation {ANNOTATION} is {word[:40]!r}, which means nothing",
        reason="InvalidSourceConfiguration",
        remedy="write enabled or disabled, or remove it",
    )


def settings(said: bool | None, file: Images | None, unreadable: Problem | None) -> Images | None:
    """Return how images are proposed, None when they are not.

    `said` is the automation's own word, `file` what the repository's file has of images. One that cannot be
    read decides nothing: raises SourceManagerFailed, rather than that somebody's commits go to the base.
    """
    if said is False:
        return None
    if unreadable is not None:
        raise SourceManagerFailed(
            f"failed configuring source manager: {NAME} of the default branch cannot be used, so whether and"
            f" how images are proposed in pull requests is not known: {unreadable}",
            remedy=f"mend the file, or annotate the automation with {ANNOTATION}: disabled",
        )
    return file or (Images() if said else None)


def mark(url: str) -> str:
    """Return the message of the condition Proposing of an automation with a source at this address."""
    return f"images are proposed in pull requests to {url}"


def is_marked(found: Iterable[Condition], url: str = "") -> bool:
    """Tell from its conditions whether an automation proposed so far; with an address, to that."""
    marked = conditions.find(found, PROPOSING)
    return marked is not None and (not url or marked.get("message") == mark(url))


def not_known(why: str) -> SourceManagerFailed:
    """An automation proposed so far because the repository's file says so, which cannot be read any more."""
    return SourceManagerFailed(
        f"failed configuring source manager: images were proposed in pull requests so far, and whether they"
        f" still are to be is not known: {why}; nothing is pushed in their place",
        remedy="give Fairway's App back what it had, or, to have images pushed, annotate the automation with"
        f" {ANNOTATION}: disabled",
    )


def refuse_contradictions(git: GitSpec, to: Destination, started: Selection) -> None:
    """Raise InvalidSource for what a pull request leaves no room for.

    Each has a branch of its own into the one that is started from, and GitHub signs for our App.
    """
    push = git.push
    if started.kind is not Kind.BRANCH:
        raise _contradiction("what is started from is no branch", "spec.git.checkout.ref.branch")
    if to.switches:
        raise _contradiction(f"spec.git.push.branch is {to.branch}", "spec.git.push.branch", remove=True)
    if to.refspec:
        raise _contradiction("spec.git.push.refspec is set", "spec.git.push.refspec", remove=True)
    if push and push.options:
        raise _contradiction("spec.git.push.options are set", "spec.git.push.options", remove=True)
    if git.commit.signing_key is not None:
        raise _contradiction("spec.git.commit.signingKey is set", "spec.git.commit.signingKey", remove=True)


def _contradiction(what: str, field: str, *, remove: bool = False) -> InvalidSource:
    verb = "remove" if remove else "set"
    return InvalidSource(
        "images are proposed in pull requests, each on a branch of its own by Fairway's App, for which GitHub"
        f" signs, but {what}: invalid source configuration",
        remedy=f"{verb} {field}, or annotate the automation with {ANNOTATION}: disabled",
    )


def nowhere() -> SourceManagerFailed:
    """There is no GitHub repository, or no App, to open a pull request."""
    return SourceManagerFailed(
        "failed configuring source manager: images are to be proposed in pull requests, but the GitRepository"
        " is not on the GitHub that Fairway's App is on, or there is no App",
        remedy=f"correct spec.url, set FAIRWAY_GITHUB_URL and the App, or remove the annotation {ANNOTATION}",
    )


def not_granted(repository: str) -> SourceManagerFailed:
    """No binding lets our App propose anything."""
    return SourceManagerFailed(
        f"failed configuring source manager: no RepositoryBinding lets Fairway's App open pull requests in"
        f" {repository} for these namespaces",
        remedy=f"set spec.write: {Write.PR.name.lower()} in one that has the namespaces of the automation and"
        " of its source",
    )
