# SPDX-License-Identifier: Apache-2.0
"""Whether an ImagePolicy may use an ImageRepository of another namespace."""

from __future__ import annotations

from collections.abc import Mapping

from policies.images.errors import AccessDenied
from policies.kinds.imagepolicy import ImagePolicy
from policies.kinds.imagerepository import ImageRepository

_FAILED = "failed to get the referred ImageRepository"


def crosses(policy: ImagePolicy) -> bool:
    """Tell whether the repository is in another namespace; only then its labels are asked for."""
    return policy.repository_key[0] != policy.metadata.namespace


def refuse_blocked(policy: ImagePolicy) -> None:
    """Raise AccessDenied for a repository elsewhere where such references are blocked for all."""
    if crosses(policy):
        namespace, name = policy.repository_key
        raise AccessDenied(
            f"{_FAILED}: cannot access 'ImageRepository/{namespace}/{name}',"
            " cross-namespace references have been blocked",
            remedy="refer to an ImageRepository of the same namespace",
        )


def refuse_stranger(policy: ImagePolicy, repository: ImageRepository, labels: Mapping[str, str]) -> None:
    """Raise AccessDenied unless the policy's namespace, which has these labels, is let in.

    One selector that fits is enough, one without labels fits every namespace, and no selectors fit none.
    """
    if not crosses(policy):
        return
    namespace, name = policy.repository_key
    allowed = repository.spec.access_from
    if allowed is None:
        raise _denied(namespace, name, "missing ACL labels on 'accessFrom'")
    if not any((s.match_labels or {}).items() <= labels.items() for s in allowed.namespace_selectors):
        raise _denied(namespace, name, f"ACL labels mismatch on namespace '{policy.metadata.namespace}'")


def _denied(namespace: str, name: str, why: str) -> AccessDenied:
    return AccessDenied(
        f"{_FAILED}: access denied: '{namespace}/{name}' can't be accessed due to {why}",
        remedy="have its owner add a namespace selector to spec.accessFrom",
    )
