# SPDX-License-Identifier: Apache-2.0
"""What an ImageUpdateAutomation decides before it touches a file: policies, branches, whether to look at all.

Messages and reasons are those of image-automation-controller.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from policies.errors import FairwayError, TerminalError
from policies.kinds.gitrepository import GitRef
from policies.kinds.imagepolicy import ImagePolicy, ImageRef
from policies.kinds.imageupdateautomation import ImageUpdateAutomation, PolicySelector, Requirement

UP_TO_DATE = "repository up-to-date"  # Ready
UNCHANGED = "no change since last reconciliation"  # an event
_DEFAULT_BRANCH = "master"
_SHORT = 7
_KEY = re.compile(
    r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")

Selects = Callable[[Mapping[str, str]], bool]


class SourceFailed(FairwayError):
    """The GitRepository is missing, or does not say where to push to."""

    reason = "SourceManagerFailed"


@dataclass(frozen=True, slots=True)
class Branches:
    """What to start from (None: the default branch), and where to push to."""

    checkout: GitRef | None
    push: str
    refspec: str = ""

    @property
    def switches(self) -> bool:
        """Whether the push branch is another one, which is made anew from what is started from each time."""
        started = _DEFAULT_BRANCH if self.checkout is None else self.checkout.branch or ""
        return self.push != started


def refusal(automation: ImageUpdateAutomation, *, no_cross_namespace_refs: bool) -> TerminalError | None:
    """Return what is wrong with an automation by itself."""
    namespace, name = automation.source_key
    if automation.spec.git is None:
        return _invalid_source("source kind 'GitRepository' necessitates field .spec.git", "add spec.git")
    if no_cross_namespace_refs and namespace != automation.metadata.namespace:
        return TerminalError(
            f"can't access 'GitRepository/{namespace}/{name}', cross-namespace references have been blocked",
            reason="AccessDenied",
            remedy="refer to a GitRepository of the same namespace",
        )
    if automation.spec.update is None:
        return TerminalError(
            "no update strategy", reason="InvalidUpdateStrategy", remedy="set spec.update.strategy to Setters"
        )
    return None


def branches(automation: ImageUpdateAutomation, ref: GitRef | None) -> Branches:
    """Return where to start and to push, `ref` being the source's; raises SourceFailed or TerminalError."""
    git = automation.spec.git
    push = git.push if git else None
    checkout = git.checkout.ref if git and git.checkout else ref
    refspec = (push.refspec if push else None) or ""
    if refspec.startswith((":", "+")):
        wrong = "a deletion" if refspec.startswith(":") else "a force update"
        raise _invalid_source(f"push refspec must not specify {wrong}", "write it as source:destination")
    branch = (push.branch if push else None) or (checkout.branch if checkout else None)
    if not branch:
        raise SourceFailed(
            "failed configuring source manager: push spec not provided, and cannot be inferred from"
            " .spec.git.checkout.ref or GitRepository .spec.ref",
            remedy="name a branch in spec.git.push.branch",
        )
    return Branches(checkout, branch, refspec)


def followed(automation: ImageUpdateAutomation, policies: Iterable[ImagePolicy]) -> dict[str, ImageRef]:
    """Return the images of the policies it writes, by name; one that chose nothing yet is left out.

    They are those of its namespace that its selector takes. Raises TerminalError for a broken selector.
    """
    selects = _selects(automation.spec.policy_selector)
    return {
        policy.metadata.name: policy.status.latest_ref
        for policy in policies
        if policy.metadata.namespace == automation.metadata.namespace
        and policy.status.latest_ref is not None
        and selects(policy.metadata.labels)
    }


def news(automation: ImageUpdateAutomation, images: Mapping[str, ImageRef], where: Branches) -> bool:
    """Tell whether to go through the files although the source is where it was.

    Always, where another branch or a refspec is pushed to: nobody tells what became of that.
    """
    known = automation.status.observed_policies or {}
    return (
        where.switches
        or bool(where.refspec)
        or {name: ref.identity for name, ref in known.items()}
        != {name: ref.identity for name, ref in images.items()}
    )


def pushed(sha: str, branch: str, refspec: str, message: str) -> str:
    """Return what an event says of a push."""
    said = f"pushed commit '{sha[:_SHORT]}' to branch '{branch}'"
    if refspec:
        said += f" and refspecs '{refspec}'"
    return f"{said}\n{message}" if message else said


def _selects(selector: PolicySelector | None) -> Selects:
    """Return what tells by its labels whether a policy is taken; raises TerminalError."""
    if selector is None:
        return lambda labels: True
    requirements = [
        *(
            Requirement(key=key, operator="In", values=[value])
            for key, value in (selector.match_labels or {}).items()
        ),
        *(selector.match_expressions or ()),
    ]
    for requirement in requirements:
        if problem := _problem(requirement):
            raise TerminalError(
                f"failed to parse policy selector: {problem}",
                reason="InvalidPolicySelector",
                remedy="correct spec.policySelector",
            )
    return lambda labels: all(_holds(requirement, labels) for requirement in requirements)


def _holds(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(requirement.key), requirement.values or ()
    match requirement.operator:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None


def _problem(requirement: Requirement) -> str:
    key, values = requirement.key, requirement.values or []
    if requirement.operator not in ("In", "NotIn", "Exists", "DoesNotExist"):
        return f"{json.dumps(requirement.operator)} is not a valid label selector operator"
    if not _KEY.fullmatch(key):
        return f"key: Invalid value: {json.dumps(key)}: it is not the key of a label"
    needs = requirement.operator in ("In", "NotIn")
    if needs and not values:
        return _invalid_values(values, "for 'in', 'notin' operators, values set can't be empty")
    if values and not needs:
        return _invalid_values(values, "values set must be empty for exists and does not exist")
    wrong = next((value for value in values if not _VALUE.fullmatch(value)), None)
    return "" if wrong is None else _invalid_values([wrong], "it is not the value of a label")


def _invalid_values(values: Sequence[str], why: str) -> str:
    return f"values: Invalid value: {json.dumps(values)}: {why}"


def _invalid_source(message: str, remedy: str) -> TerminalError:
    return TerminalError(
        f"{message}: invalid source configuration", reason="InvalidSourceConfiguration", remedy=remedy
    )
