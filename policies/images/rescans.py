# SPDX-License-Identifier: Apache-2.0
"""What came of a request to look for newer images than a pull request proposes, policy by policy.

Objects are as the API server has them: what is to be said of one that cannot be read is in its conditions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from policies import conditions
from policies.images.setters import Image
from policies.kustomization import REQUESTED_AT
from policies.objects import Object, annotations_of

Name = tuple[str, str]  # namespace and name
Seen = Literal["newer", "same", "failed", "suspended", "missing", "foreign", "waits"]


@dataclass(frozen=True, slots=True)
class Look:
    """What became of the look for something else than an image, by its policy (`namespace:name`).

    `of` is the object that it is about. `found` is the image that is chosen now, or the message of what
    failed.
    """

    policy: str
    seen: Seen
    of: str
    image: str
    found: str = ""


def repository_of(policy: Object) -> Name:
    """Return the ImageRepository that a policy chooses from."""
    reference = (policy.get("spec") or {}).get("imageRepositoryRef") or {}
    namespace = reference.get("namespace") or policy["metadata"]["namespace"]
    return str(namespace), str(reference.get("name") or "")


def is_suspended(obj: Object) -> bool:
    return bool((obj.get("spec") or {}).get("suspend"))


def is_asked(obj: Object) -> bool:
    """Tell whether a request was not heard yet; what is suspended hears none."""
    handled = (obj.get("status") or {}).get("lastHandledReconcileAt") or ""
    return annotations_of(obj).get(REQUESTED_AT, "") != handled and not is_suspended(obj)


def look(
    policy: str, image: Image, chooser: Object | None, repositories: Mapping[Name, Object | None]
) -> Look:
    """Say what a policy chooses now instead of an image, or why nobody can tell.

    `repositories` has the ImageRepositories that may be asked, None for one that is not there.
    """
    was, shown = f"{image.name}:{image.tag}", f"ImagePolicy/{policy.replace(':', '/')}"
    if chooser is None:
        return Look(policy, "missing", shown, was)
    name = repository_of(chooser)
    source = f"ImageRepository/{'/'.join(name)}"
    if name not in repositories:
        return Look(policy, "foreign", source, was)
    scan = repositories[name]
    if scan is None:
        return Look(policy, "missing", source, was)
    for obj, of in ((scan, source), (chooser, shown)):
        if problem := _problem(obj):
            return Look(policy, problem[0], of, was, problem[1])
    return _chosen(policy, shown, image, (chooser.get("status") or {}).get("latestRef") or {})


def _chosen(policy: str, of: str, image: Image, latest: Mapping[str, str]) -> Look:
    was, digest = f"{image.name}:{image.tag}", latest.get("digest") or ""
    found = f"{latest.get('name', '')}:{latest.get('tag', '')}"
    if found != was:
        return Look(policy, "newer", of, was, found)
    # Of the same tag it is the digest that makes the difference.
    if image.digest in ("", digest):
        return Look(policy, "same", of, was)
    return Look(policy, "newer", of, f"{was}@{image.digest}", f"{found}@{digest}")


def _problem(obj: Object) -> tuple[Seen, str] | None:
    """Return in which way an object has no answer, with its message if it failed."""
    if is_suspended(obj):
        return "suspended", ""
    if is_asked(obj):
        return "waits", ""
    ready = conditions.find(conditions.of(obj), conditions.READY) or {}
    return None if ready.get("status") == "True" else ("failed", str(ready.get("message", "")))
