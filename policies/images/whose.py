# SPDX-License-Identifier: Apache-2.0
"""Whether a pull request is one for new images that Fairway opened, and of which automation.

A branch's name proves nothing: anybody with the role write can make one, or open a pull request from it. So
only one by our App itself counts, from this repository, of an automation that writes to this repository and
stands in a namespace that the repository is bound to. Nothing beyond those namespaces is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from policies.images import record
from policies.images.grouping import automation_of
from policies.images.record import Record
from policies.objects import Object
from policies.pushes import points_to
from policies.tenancy import Tenant

Why = Literal["branch", "author", "fork", "namespace", "record", "automation", "elsewhere"]
Name = tuple[str, str]  # namespace and name


@dataclass(frozen=True, slots=True)
class Stranger:
    """It is none of ours; `automation` is what its branch names, as far as it does."""

    why: Why
    automation: Name = ("", "")


@dataclass(frozen=True, slots=True)
class Claim:
    """What it says of itself: the automation that its branch names, and what it proposes."""

    automation: Name
    record: Record


def claim(branch: str, body: str, *, by_us: bool, from_fork: bool, tenant: Tenant) -> Claim | Stranger:
    """Read what a pull request says of itself, where it can be believed."""
    name = automation_of(branch)
    if name is None:
        return Stranger("branch")
    if not by_us:
        return Stranger("author", name)
    if from_fork:
        return Stranger("fork", name)
    if not tenant.covers(name[0]):
        return Stranger("namespace", name)
    found = record.read(body)
    # An automation writes the policies of its own namespace and no others.
    own = found and found.images and all(policy.startswith(f"{name[0]}:") for policy in found.images)
    if found is None or not own:
        return Stranger("record", name)
    return Claim(name, found)


def source_of(automation: Object) -> Name:
    """Return the GitRepository that an automation writes to."""
    reference = (automation.get("spec") or {}).get("sourceRef") or {}
    namespace = reference.get("namespace") or automation["metadata"]["namespace"]
    return str(namespace), str(reference.get("name") or "")


def confirmed(
    name: Name, automation: Object | None, source: Object | None, *, repository: str, github_url: str
) -> Stranger | None:
    """Say why an automation and its source are not this repository's (`owner/name`); None when they are."""
    if automation is None:
        return Stranger("automation", name)
    if source is None or not source.get("spec") or not points_to(source, repository, github_url):
        return Stranger("elsewhere", name)
    return None


def policies_of(found: Record) -> Mapping[str, Name]:
    """Return the ImagePolicies of a record, by how it names them."""
    return {policy: _name(policy) for policy in found.images}


def _name(policy: str) -> Name:
    namespace, _, name = policy.partition(":")
    return namespace, name
