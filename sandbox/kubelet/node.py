# SPDX-License-Identifier: Apache-2.0
"""The node `sandbox`: always ready, with room for everything."""

from __future__ import annotations

import platform
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

from sandbox.kube import MERGE, Kube, Object
from sandbox.kubelet.follower import attempt

NAME = "sandbox"
HOST_IP = "10.77.0.1"
PATH = "/api/v1/nodes"
STRATEGIC = "application/strategic-merge-patch+json"  # merges lists by their keys: conditions by type
RENEW_EVERY = 60.0  # seconds
_NOT_READY = "node.kubernetes.io/not-ready"

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_PRESSURES = (
    ("MemoryPressure", "KubeletHasSufficientMemory"),
    ("DiskPressure", "KubeletHasNoDiskPressure"),
    ("PIDPressure", "KubeletHasSufficientPID"),
)


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Node:
    """Keep the node registered and its conditions fresh."""

    def __init__(self, kube: Kube, ended: threading.Event) -> None:
        self._kube, self._ended = kube, ended
        self._since = now()
        self._machine = _ARCHITECTURES.get(platform.machine(), platform.machine())

    def listed(self, objects: Sequence[Object]) -> None:
        if not any(node["metadata"]["name"] == NAME for node in objects):
            self.register()

    def changed(self, event: str, obj: Object) -> None:
        if event == "DELETED" and obj["metadata"]["name"] == NAME:
            self.register()

    def register(self) -> None:
        """Create the node unless it is there and report its status; waits for the API server if need be."""
        attempt("the node", lambda: self._kube.ensure(PATH, self._node()), self._ended)
        self.renew()

    def renew(self) -> None:
        """Report the node's status."""
        attempt("the node's status", self._report, self._ended)

    def _report(self) -> None:
        version = self._kube.call("GET", "/version")["gitVersion"]
        status = self._status(version)
        self._kube.call("PATCH", f"{PATH}/{NAME}/status", {"status": status}, content_type=STRATEGIC)
        self._untaint()

    def _untaint(self) -> None:
        """Take off the taint that the API server gives new nodes: the controller that would does not run."""
        node = self._kube.call("GET", f"{PATH}/{NAME}")
        taints = node["spec"].get("taints") or []
        rest = [taint for taint in taints if taint["key"] != _NOT_READY]
        if rest != taints:
            metadata = {"resourceVersion": node["metadata"]["resourceVersion"]}
            body: Object = {"metadata": metadata, "spec": {"taints": rest}}
            self._kube.call("PATCH", f"{PATH}/{NAME}", body, content_type=MERGE)

    def _node(self) -> Object:
        labels = {
            "kubernetes.io/arch": self._machine,
            "kubernetes.io/hostname": NAME,
            "kubernetes.io/os": "linux",
        }
        return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NAME, "labels": labels}}

    def _status(self, version: str) -> Object:
        room = {"cpu": "1000", "memory": "4096Gi", "pods": "10000", "ephemeral-storage": "4096Gi"}
        ready = self._condition("Ready", "True", "KubeletReady", "the sandbox's node is always ready")
        return {
            "capacity": room,
            "allocatable": room,
            "addresses": [{"type": "InternalIP", "address": HOST_IP}, {"type": "Hostname", "address": NAME}],
            "conditions": [
                *(
                    self._condition(name, "False", reason, "the node is not real")
                    for name, reason in _PRESSURES
                ),
                ready,
            ],
            "nodeInfo": {
                "architecture": self._machine,
                "bootID": "",
                "containerRuntimeVersion": "sandbox://1",
                "kernelVersion": platform.release(),
                "kubeProxyVersion": "",
                "kubeletVersion": version,
                "machineID": "",
                "operatingSystem": "linux",
                "osImage": "Fairway sandbox",
                "systemUUID": "",
            },
        }

    def _condition(self, name: str, status: str, reason: str, message: str) -> Object:
        return {
            "type": name,
            "status": status,
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": now(),
            "lastTransitionTime": self._since,
        }
