# SPDX-License-Identifier: Apache-2.0
"""Load balancers that balance nothing: each Service that asks for one gets an address."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from sandbox.kube import MERGE, Kube, Object
from sandbox.kubelet.addresses import Addresses
from sandbox.kubelet.follower import attempt


class Balancers:
    """Give every Service of type LoadBalancer an address, and take it back when the type changes."""

    def __init__(self, kube: Kube, ended: threading.Event) -> None:
        self._kube, self._ended = kube, ended
        self._addresses = Addresses("10.78.0.0/16")

    def listed(self, objects: Sequence[Object]) -> None:
        self._addresses.replace({service["metadata"]["uid"]: _address(service) for service in objects})
        for service in objects:
            self.changed("ADDED", service)

    def changed(self, event: str, obj: Object) -> None:
        uid, has = obj["metadata"]["uid"], _address(obj)
        if event == "DELETED":
            self._addresses.release(uid)
        elif obj["spec"].get("type") == "LoadBalancer":
            if not has:
                self._report(obj, [{"ip": obj["spec"].get("loadBalancerIP") or self._addresses.of(uid)}])
        elif has:
            self._addresses.release(uid)
            self._report(obj, None)

    def _report(self, service: Object, ingress: list[Object] | None) -> None:
        metadata = service["metadata"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/services/{metadata['name']}/status"
        body: Object = {"metadata": {"uid": metadata["uid"]}}
        body["status"] = {"loadBalancer": {"ingress": ingress}}
        attempt(
            f"the address of Service {metadata['namespace']}/{metadata['name']}",
            lambda: self._kube.call("PATCH", path, body, content_type=MERGE),
            self._ended,
        )


def _address(service: Object) -> str:
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or [{}]
    found: str = ingress[0].get("ip", "")
    return found
