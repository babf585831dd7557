# SPDX-License-Identifier: Apache-2.0
"""Which kinds the cluster serves, and under which path.

Asked for group by group, when a kind is first met; a kind that is not found makes the group be asked for
once more, because its CustomResourceDefinition may have come a moment ago. A path that is not served any more
is forgotten, because its definition may have been made anew with other names, versions or scope.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from workers.cluster.errors import Invalid, NoMatch, NotFound

_REFRESH_AT_MOST_EVERY = 0.2  # seconds; a burst of objects of an unknown kind asks the server once


@dataclass(frozen=True, slots=True)
class Resource:
    """How one kind is addressed: `plural` in the path, and whether a namespace is part of it."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the path of a list or an object; raises Invalid for a name that would lead elsewhere."""
        namespace, name = _segment("namespace", namespace), _segment("resource name", name)
        base = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        if self.namespaced and namespace:
            base += f"/namespaces/{namespace}"
        return "/".join(part for part in (base, self.plural, name, subresource) if part)


def _segment(what: str, name: str) -> str:
    """Check and quote one part of a path: a name is input, and `..` in it would reach other namespaces."""
    if name in (".", "..") or "/" in name or "%" in name:
        raise Invalid(f'invalid {what} "{name}": it may not be or contain what changes a path', status=400)
    return quote(name, safe=":")


class Discovery:
    """Map (group, version, kind) to a Resource, remembering what was found."""

    def __init__(self, get: Callable[[str], dict[str, Any]]) -> None:
        self._get = get
        self._lock = threading.Lock()
        self._resources: dict[tuple[str, str, str], Resource] = {}
        self._asked: dict[tuple[str, str], float] = {}

    def resource(self, group: str, version: str, kind: str) -> Resource:
        """Find a kind; raises NoMatch when the cluster does not serve it."""
        found = self._resources.get((group, version, kind))
        if found is None:
            self._refresh(group, version)
            found = self._resources.get((group, version, kind))
        if found is None:
            shown = f"{group}/{version}" if group else version
            raise NoMatch(f'no matches for kind "{kind}" in version "{shown}"', status=404, cause="NoMatch")
        return found

    def preferred(self, group: str, kind: str) -> Resource:
        """Find a kind in whichever version the cluster prefers; raises NoMatch."""
        if not group:
            return self.resource("", "v1", kind)
        try:
            versions = self._get(f"/apis/{_segment('API group', group)}")
        except NotFound:
            raise NoMatch(
                f'no matches for kind "{kind}" in group "{group}"', status=404, cause="NoMatch"
            ) from None
        return self.resource(group, versions["preferredVersion"]["version"], kind)

    def forget(self, path: str) -> None:
        """Ask anew, when it is needed next, for the group of a path that the cluster does not serve."""
        _, root, *parts = path.split("/")
        if root != "apis" or len(parts) < 3:
            return
        group, version, *_ = parts
        for known in [known for known in list(self._resources) if known[:2] == (group, version)]:
            self._resources.pop(known, None)
        self._asked.pop((group, version), None)

    def _refresh(self, group: str, version: str) -> None:
        with self._lock:
            now = time.monotonic()
            if now - self._asked.get((group, version), -1.0) < _REFRESH_AT_MOST_EVERY:
                return
            try:
                parts = [_segment("API version", part) for part in (group, version) if part]
                answer = self._get("/".join(["/apis" if group else "/api", *parts]))
            except NotFound:
                answer = {}
            self._asked[group, version] = now
            for item in answer.get("resources", []):
                if "/" not in item["name"]:
                    self._resources[group, version, item["kind"]] = Resource(
                        group, version, item["kind"], item["name"], item["namespaced"]
                    )
