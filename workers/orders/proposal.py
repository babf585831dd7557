# SPDX-License-Identifier: Apache-2.0
"""The pull requests for new images, as orders concern them: which automation and policies one belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from policies.images import whose
from policies.images.record import Record
from policies.images.whose import Stranger
from policies.kinds import ImageUpdateAutomation
from policies.objects import Object, ObjectRef
from policies.tenancy import Tenant
from workers.context import Context
from workers.github import GitHub, PullRequest

_AUTOMATION = ImageUpdateAutomation.definition.names
_SOURCE = ("source.toolkit.fluxcd.io", "v1", "GitRepository")


@dataclass(frozen=True)
class Proposal:
    """A pull request for new images of ours: its automation, as it is now, and what it proposes."""

    automation: Object
    record: Record

    @property
    def ref(self) -> ObjectRef:
        return ObjectRef.of(self.automation)

    @property
    def namespace(self) -> str:
        return str(self.automation["metadata"]["namespace"])


def of_pull(
    context: Context, github: GitHub, repository: str, pull: PullRequest, tenant: Tenant
) -> Proposal | Stranger:
    """Return what a pull request of `owner/name` proposes, or why it is none of ours for images.

    Raises ApiError, and GitHubError when it cannot be asked who our App is.
    """
    by_us = pull.author.casefold() == github.identity().login.casefold()
    found = whose.claim(pull.head_ref, pull.body, by_us=by_us, from_fork=pull.from_fork, tenant=tenant)
    if isinstance(found, Stranger):
        return found
    cluster = context.cluster
    automation = cluster.find(ObjectRef(*_AUTOMATION, *found.automation))
    source = None
    if automation is not None:
        namespace, name = whose.source_of(automation)
        # What is in a namespace of somebody else is not even looked at.
        source = cluster.find(ObjectRef(*_SOURCE, namespace, name)) if tenant.covers(namespace) else None
    stranger = whose.confirmed(
        found.automation, automation, source, repository=repository, github_url=context.settings.github_url
    )
    if stranger is not None or automation is None:
        return stranger or Stranger("automation", found.automation)
    return Proposal(automation, found.record)
