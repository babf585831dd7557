# SPDX-License-Identifier: Apache-2.0
"""Objects on the live cluster: made in a namespace, looked at until they are as they should be."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sandbox.kube import ApiError, Kube, Object

T = TypeVar("T")
PATIENCE = 30.0  # seconds

# Lists of containers are merged by name, as `kubectl patch` does.
STRATEGIC = "application/strategic-merge-patch+json"


def until(look: Callable[[], T], what: str, *, within: float = PATIENCE) -> T:
    """Return the first truthy answer; fail with what was seen last."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {within:g} s: {what}; last seen {found!r}"
        time.sleep(0.01)
    return found


@dataclass(frozen=True)
class Namespace:
    """A namespace of one test."""

    kube: Kube
    name: str

    def create(self, api: str, plural: str, body: Object) -> Object:
        return self.kube.call("POST", self.path(api, plural), {"apiVersion": api, **body})

    def get(self, api: str, plural: str, name: str) -> Object:
        return self.kube.call("GET", f"{self.path(api, plural)}/{name}")

    def find(self, api: str, plural: str, name: str) -> Object | None:
        try:
            return self.get(api, plural, name)
        except ApiError as error:
            if error.status != 404:
                raise
            return None

    def all(self, api: str, plural: str) -> list[Object]:
        return self.kube.listed(self.path(api, plural))[0]

    def patch(self, api: str, plural: str, name: str, body: Object) -> Object:
        return self.kube.call("PATCH", f"{self.path(api, plural)}/{name}", body, content_type=STRATEGIC)

    def delete(self, api: str, plural: str, name: str, **options: Any) -> None:
        self.kube.call("DELETE", f"{self.path(api, plural)}/{name}", options)

    def path(self, api: str, plural: str) -> str:
        root = f"/apis/{api}" if "/" in api else f"/api/{api}"
        return f"{root}/namespaces/{self.name}/{plural}"

    def ready_pods(self) -> list[Object]:
        return [pod for pod in self.all("v1", "pods") if condition(pod, "Ready") == "True"]

    def pod(self, name: str, **spec: Any) -> Object:
        body = {"kind": "Pod", "metadata": {"name": name}, "spec": {**containers("web:1"), **spec}}
        return self.create("v1", "pods", body)

    def workload(self, kind: str, name: str, *, image: str = "web:1", **spec: Any) -> Object:
        """Create a Deployment, StatefulSet or DaemonSet."""
        labels = {"app": name}
        merged = {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": containers(image)},
            **spec,
        }
        plural = f"{kind.lower()}s"
        return self.create("apps/v1", plural, {"kind": kind, "metadata": {"name": name}, "spec": merged})


def containers(*images: str, **more: Any) -> Object:
    return {"containers": [{"name": f"c{n}", "image": image} for n, image in enumerate(images)], **more}


def condition(obj: Object, name: str) -> str:
    found = (obj.get("status") or {}).get("conditions") or []
    return next((str(c["status"]) for c in found if c["type"] == name), "")
