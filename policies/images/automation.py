# SPDX-License-Identifier: Apache-2.0
"""What an ImageUpdateAutomation is to do: from which commit, with which policies, pushed where.

Reasons and words are image-automation-controller's; what follows them is a remedy.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from policies.errors import FairwayError, TerminalError
from policies.images.setters import Image
from policies.kinds.imageupdateautomation import GitSpec, ImageUpdateAutomation, PolicySelector
from policies.objects import Object
from policies.reference import DEFAULT_BRANCH
from policies.selectors import InvalidSelector, Selector, of_requirements

DEFAULT_MESSAGE = "Update from image update automation"
UP_TO_DATE = "repository up-to-date"
_HEADS = "refs/heads/"


class InvalidSource(TerminalError):
    """The automation names a source, or a place to push to, that cannot be used."""

    reason = "InvalidSourceConfiguration"


class SourceManagerFailed(FairwayError):
    """What is needed to work on the repository is not there."""

    reason = "SourceManagerFailed"


class GitOperationFailed(FairwayError):
    """The repository could not be fetched, committed to or pushed."""

    reason = "GitOperationFailed"


class UpdateFailed(FairwayError):
    """The files could not be changed."""

    reason = "UpdateFailed"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where commits go.

    `switches` says that the branch is another than the one started from: it is then made anew from there each
    time. `refspec` is the full ref that the commit is pushed to in addition, empty for none.
    """

    branch: str
    switches: bool
    refspec: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def always(self) -> bool:
        """Whether to look at everything in each run: nothing in the status tells what is there."""
        return self.switches or bool(self.refspec)


def git_of(automation: ImageUpdateAutomation, *, blocked: bool) -> GitSpec:
    """Return how Git is used; raises TerminalError for what is wrong with an automation by itself.

    `blocked` is Flux's flag on references to other namespaces.
    """
    spec = automation.spec
    if spec.git is None:
        raise InvalidSource(
            "source kind 'GitRepository' necessitates field .spec.git: invalid source configuration",
            remedy="set spec.git",
        )
    namespace, name = automation.source_key
    if blocked and namespace != automation.metadata.namespace:
        raise TerminalError(
            f"can't access 'GitRepository/{namespace}/{name}', cross-namespace references have been blocked",
            reason="AccessDenied",
            remedy="refer to a GitRepository of the same namespace",
        )
    if spec.update is None or spec.update.strategy is None:
        raise TerminalError(
            "no update strategy", reason="InvalidUpdateStrategy", remedy="set spec.update.strategy to Setters"
        )
    return spec.git


def checkout_of(automation: ImageUpdateAutomation, source: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the ref to start from: its own, else that of the GitRepository with this spec, else none."""
    git = automation.spec.git
    if git is not None and git.checkout is not None:
        return git.checkout.ref.model_dump(exclude_none=True)
    return source.get("ref")


def destination(automation: ImageUpdateAutomation, checkout: Mapping[str, Any] | None) -> Destination:
    """Return where commits go; raises InvalidSource and SourceManagerFailed."""
    push = automation.spec.git.push if automation.spec.git else None
    started = str((checkout or {}).get("branch") or "")
    wanted = (push.branch if push else None) or ""
    if not wanted and not started:
        raise SourceManagerFailed(
            "failed configuring source manager: push spec not provided, and cannot be inferred from"
            " .spec.git.checkout.ref or GitRepository .spec.ref",
            remedy="set spec.git.push.branch",
        )
    branch = wanted or started
    switches = bool(wanted) and wanted != (started if checkout is not None else DEFAULT_BRANCH)
    refspec = _target_of(push.refspec, branch) if push and push.refspec else ""
    return Destination(branch, switches, refspec, dict(push.options or {}) if push else {})


def _target_of(refspec: str, branch: str) -> str:
    """Return the ref that a refspec pushes our commit to: it can name nothing but that commit."""
    if refspec.startswith((":", "+")):
        what = "a deletion" if refspec.startswith(":") else "a force update"
        raise InvalidSource(f"push refspec must not specify {what}: invalid source configuration")
    source, colon, target = refspec.partition(":")
    if source not in ("HEAD", branch, _HEADS + branch) or not colon or not target.startswith("refs/"):
        raise InvalidSource(
            f"push refspec '{refspec}' cannot be used: invalid source configuration",
            remedy=f"write it like {_HEADS}{branch}:refs/heads/other",
        )
    return target


def selector(wanted: PolicySelector | None) -> Selector:
    """Return which policies are meant, by their labels; raises TerminalError for one that makes no sense."""
    if wanted is None:
        return lambda labels: True
    asked = [(one.key, one.operator, one.values or []) for one in wanted.match_expressions or []]
    try:
        return of_requirements(wanted.match_labels or {}, asked)
    except InvalidSelector as error:
        raise TerminalError(
            f"failed to parse policy selector: {error}",
            reason="InvalidPolicySelector",
            remedy="correct spec.policySelector",
        ) from None


def observed(policies: Iterable[Object], chosen: Selector) -> dict[str, dict[str, str]]:
    """Return the images of those policies that have one, by their names, as the status has them."""
    found = {}
    for policy in policies:
        latest = (policy.get("status") or {}).get("latestRef")
        if latest and chosen(policy["metadata"].get("labels") or {}):
            found[policy["metadata"]["name"]] = {
                key: latest[key] for key in ("name", "tag", "digest") if latest.get(key)
            }
    return dict(sorted(found.items()))


def merged(
    before: Mapping[str, Mapping[str, str]] | None, now: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str | None] | None]:
    """Return the merge patch that makes of one state of observedPolicies the other."""
    known = before or {}
    patch: dict[str, dict[str, str | None] | None] = {name: None for name in known if name not in now}
    for name, one in now.items():
        patch[name] = {**dict.fromkeys(known.get(name, {})), **one}
    return patch


def images(namespace: str, found: Mapping[str, Mapping[str, str]]) -> dict[str, Image]:
    """Return the images as markers name them."""
    return {
        f"{namespace}:{name}": Image(one.get("name", ""), one.get("tag", ""), one.get("digest", ""))
        for name, one in found.items()
    }


def folder_of(path: str | None) -> str:
    """Return the folder that spec.update.path means, from the root of the repository; "" for all of it."""
    return posixpath.normpath("/" + (path or "")).lstrip("/")


def lies_in(path: str, folder: str) -> bool:
    """Tell whether a file is below a folder, or is the one file that is meant."""
    return not folder or path == folder or path.startswith(f"{folder}/")


def pushed(sha: str, to: Destination, message: str) -> str:
    """Return what an event says of a push."""
    said = f"pushed commit '{sha[:7]}' to branch '{to.branch}'"
    if to.refspec:
        said += f" and refspecs '{_HEADS}{to.branch}:{to.refspec}'"
    return f"{said}\n{message}" if message else said
