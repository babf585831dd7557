# SPDX-License-Identifier: Apache-2.0
"""Which sources a push concerns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from policies.github.urls import repository_of
from policies.objects import Object


def follows(source: Mapping[str, Any], ref: str) -> bool:
    """Tell whether a GitRepository's spec.ref may resolve to something new after a push to `ref`.

    A pinned commit never does; a semver range may with any tag.
    """
    wanted = source["spec"].get("ref") or {}
    if wanted.get("commit"):
        return False
    if wanted.get("name"):
        return bool(wanted["name"] == ref)
    if wanted.get("tag"):
        return ref == f"refs/tags/{wanted['tag']}"
    if wanted.get("semver"):
        return ref.startswith("refs/tags/")
    return ref == f"refs/heads/{wanted.get('branch') or 'master'}"


def ref_of(source: Mapping[str, Any]) -> str:
    """Return the ref that a GitRepository follows now; empty for a pinned commit."""
    wanted = source["spec"].get("ref") or {}
    if wanted.get("commit"):
        return ""
    if wanted.get("name"):
        return str(wanted["name"])
    if wanted.get("tag"):
        return f"refs/tags/{wanted['tag']}"
    if wanted.get("semver"):
        revision = ((source.get("status") or {}).get("artifact") or {}).get("revision", "")
        tag = str(revision).partition("@")[0]
        return f"refs/tags/{tag}" if tag else ""
    return f"refs/heads/{wanted.get('branch') or 'master'}"


def points_to(source: Mapping[str, Any], repository: str, github_url: str) -> bool:
    """Tell whether a GitRepository's URL is that of `owner/name`."""
    found = repository_of(source["spec"].get("url", ""), github_url)
    return found is not None and "/".join(found) == repository.lower()


def concerned(sources: Iterable[Object], *, repository: str, ref: str, github_url: str) -> list[Object]:
    """Return the GitRepositories that a push to this repository and ref concerns; suspended ones are left."""
    return [
        source
        for source in sources
        if source.get("spec")
        and not source["spec"].get("suspend")
        and points_to(source, repository, github_url)
        and follows(source, ref)
    ]
