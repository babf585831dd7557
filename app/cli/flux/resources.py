# SPDX-License-Identifier: Apache-2.0
"""Find a kind by what a person calls it: its name in any case, its plural, or a short name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from policies.errors import FairwayError
from policies.objects import split_api_version

if TYPE_CHECKING:
    from workers.cluster import Client
    from workers.cluster.discovery import Resource


def find_kind(client: Client, word: str, api_version: str = "") -> Resource:
    """Return the kind that `word` names; raises FairwayError when there is none."""
    if api_version:
        group, version = split_api_version(api_version)
        for item in client.request("GET", _path(group, version))["resources"]:
            if _is_called(item, word):
                return client.discovery.resource(group, version, item["kind"])
    else:
        for group, version, item in _everything(client):
            if _is_called(item, word):
                return client.discovery.resource(group, version, item["kind"])
    where = f" in {api_version}" if api_version else ""
    raise FairwayError(
        f"the cluster serves no kind {word!r}{where}", remedy="kubectl api-resources lists them"
    )


def _everything(client: Client) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every kind in its preferred version, the core group first."""
    versions = [("", "v1")]
    for group in client.request("GET", "/apis")["groups"]:
        versions.append((group["name"], group["preferredVersion"]["version"]))
    for group, version in versions:
        for item in client.request("GET", _path(group, version))["resources"]:
            if "/" not in item["name"]:
                yield group, version, item


def _path(group: str, version: str) -> str:
    return f"/apis/{group}/{version}" if group else f"/api/{version}"


def _is_called(item: dict[str, Any], word: str) -> bool:
    names = [item["kind"], item["name"], item.get("singularName", ""), *item.get("shortNames", [])]
    return "/" not in item["name"] and word.casefold() in {name.casefold() for name in names}
