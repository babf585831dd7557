# SPDX-License-Identifier: Apache-2.0
"""The node `sandbox`: always ready, with room for everything."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime

from sandbox.kube import MERGE, ApiError, Kube, Object

log = logging.getLogger(__name__)
NAME = "sandbox"
HOST_IP = "10.77.0.1"
RENEW_EVERY = 60.0  # seconds


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def register(kube: Kube, ended: threading.Event) -> None:
    """Create the node, waiting for the API server if need be."""
    while not ended.is_set():
        try:
            kube.ensure(
                "/api/v1/nodes",
                {
                    "apiVersion": "v1",
                    "kind": "Node",
                    "metadata": {
                        "name": NAME,
                        "labels": {"kubernetes.io/os": "linux", "kubernetes.io/hostname": NAME},
                    },
                },
            )
            renew(kube)
            return
        except ApiError as error:
            log.info("node not registered yet: %s", error)
            ended.wait(0.2)


def renew(kube: Kube) -> None:
    room = {"cpu": "1000", "memory": "4096Gi", "pods": "10000", "ephemeral-storage": "4096Gi"}
    status: Object = {
        "capacity": room,
        "allocatable": room,
        "addresses": [{"type": "InternalIP", "address": HOST_IP}, {"type": "Hostname", "address": NAME}],
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "KubeletReady",
                "message": "the sandbox's node is always ready",
                "lastHeartbeatTime": now(),
                "lastTransitionTime": now(),
            }
        ],
        "nodeInfo": {
            "architecture": "amd64",
            "bootID": "",
            "containerRuntimeVersion": "sandbox://1",
            "kernelVersion": "",
            "kubeProxyVersion": "",
            "kubeletVersion": "sandbox",
            "machineID": "",
            "operatingSystem": "linux",
            "osImage": "sandbox",
            "systemUUID": "",
        },
    }
    try:
        kube.call("PATCH", f"/api/v1/nodes/{NAME}/status", {"status": status}, content_type=MERGE)
    except ApiError as error:
        log.info("node not renewed: %s", error)
