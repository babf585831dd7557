# SPDX-License-Identifier: Apache-2.0
"""Pods without processes: bound to the node, running and ready at once, gone as soon as they are deleted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sandbox.kube import Kube, Object
from sandbox.kubelet import podstatus
from sandbox.kubelet.addresses import Addresses
from sandbox.kubelet.follower import attempt
from sandbox.kubelet.node import HOST_IP, NAME, STRATEGIC, now

log = logging.getLogger(__name__)
_THREADS = 8


class Pods:
    """Play scheduler and node for every pod."""

    def __init__(self, kube: Kube, ended: threading.Event) -> None:
        self._kube, self._ended = kube, ended
        self._addresses = Addresses("10.77.0.0/16")
        self._pool = ThreadPoolExecutor(_THREADS, "pods")
        # uid → what was last done about the pod. Our own change comes back as an event, mostly after an older
        # one: without this it would be done again.
        self._done: dict[str, str] = {}
        # As a scheduler does, hold back pods whose claims are not bound yet: uid → pod.
        self._held: dict[str, Object] = {}
        self._bound: set[tuple[str, str]] = set()
        self._lock = threading.RLock()  # pods and claims are followed by a thread each

    def listed(self, objects: Sequence[Object]) -> None:
        here = {pod["metadata"]["uid"]: _address(pod) for pod in objects}
        with self._lock:
            self._addresses.replace(here)
            for known in (self._done, self._held):
                for uid in known.keys() - here.keys():
                    known.pop(uid, None)
            for pod in objects:
                self.changed("ADDED", pod)

    def changed(self, event: str, obj: Object) -> None:
        """Take the pod's next step, off this thread: many pods come at once."""
        uid = obj["metadata"]["uid"]
        with self._lock:
            self._held.pop(uid, None)
            if event == "DELETED":
                self._done.pop(uid, None)
                self._addresses.release(uid)
                return
            step, act = self._next(obj)
            if act is None or self._done.get(uid) == step:
                return
            if not obj["spec"].get("nodeName") and not _claims(obj) <= self._bound:
                self._held[uid] = obj
                return
            self._done[uid] = step
            self._pool.submit(self._take, step, act, obj)

    def claims_are(self, bound: set[tuple[str, str]]) -> None:
        """Take which claims, as namespace and name, are bound; pods that waited for them go on."""
        with self._lock:
            self._bound = bound
            for pod in list(self._held.values()):
                self.changed("MODIFIED", pod)

    def _next(self, pod: Object) -> tuple[str, Callable[[Object], None] | None]:
        """Return what has to be done about a pod, as a name and as a call."""
        metadata, spec = pod["metadata"], pod["spec"]
        if spec.get("nodeName") not in (None, "", NAME):
            return "", None
        if metadata.get("deletionTimestamp"):
            # With finalizers and no grace left, it goes when they go: nothing is left for a node to do.
            waits = metadata.get("finalizers") and metadata.get("deletionGracePeriodSeconds") == 0
            return ("", None) if waits else ("end", self._end)
        if spec.get("schedulingGates"):
            return "", None
        if spec.get("nodeName") and podstatus.reported(pod):
            return "", None
        return f"start {podstatus.fingerprint(pod)}", self._start

    def _take(self, step: str, act: Callable[[Object], None], pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        try:
            done = attempt(f"to {step} {_path(pod)}", lambda: act(pod), self._ended)
        except Exception:
            log.exception("to %s %s failed", step, _path(pod))
            done = False
        if not done and self._done.get(uid) == step:
            self._done.pop(uid, None)

    def _start(self, pod: Object) -> None:
        if not pod["spec"].get("nodeName"):
            self._kube.ensure(f"{_path(pod)}/binding", _binding(pod))
        own = not pod["spec"].get("hostNetwork")
        address = self._addresses.of(pod["metadata"]["uid"]) if own else HOST_IP
        self._report(pod, podstatus.report(pod, address=address, at=now()))
        for container in pod["spec"]["containers"]:
            if podstatus.broken(container):
                self._warn(pod, "BackOff", podstatus.pull_failure(container["image"]))

    def _end(self, pod: Object) -> None:
        phase = (pod.get("status") or {}).get("phase")
        # Controllers that hold a finalizer, as that of Jobs does, wait for the pod's end before they let go.
        if pod["metadata"].get("finalizers") and phase not in podstatus.TERMINAL:
            self._report(pod, podstatus.ended(pod, at=now()))
        options: Object = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}}
        self._kube.call("DELETE", _path(pod), options)

    def _report(self, pod: Object, status: Object) -> None:
        # With the uid, a pod of the same name made meanwhile is left alone.
        body: Object = {"metadata": {"uid": pod["metadata"]["uid"]}, "status": status}
        self._kube.call("PATCH", f"{_path(pod)}/status", body, content_type=STRATEGIC)

    def _warn(self, pod: Object, reason: str, message: str) -> None:
        """Leave an event, as `kubectl describe` shows it."""
        metadata, at = pod["metadata"], now()
        involved: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod"}
        involved |= {key: metadata[key] for key in ("namespace", "name", "uid")}
        event: Object = {
            "metadata": {"generateName": f"{metadata['name']}.", "namespace": metadata["namespace"]},
            "involvedObject": involved,
            "type": "Warning",
            "reason": reason,
            "message": message,
            "source": {"component": "kubelet", "host": NAME},
            "firstTimestamp": at,
            "lastTimestamp": at,
            "count": 1,
        }
        self._kube.call("POST", f"/api/v1/namespaces/{metadata['namespace']}/events", event)


def _path(pod: Object) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


def _address(pod: Object) -> str:
    found: str = (pod.get("status") or {}).get("podIP", "")
    return "" if pod["spec"].get("hostNetwork") else found


def _claims(pod: Object) -> set[tuple[str, str]]:
    volumes = pod["spec"].get("volumes") or []
    named = (volume["persistentVolumeClaim"] for volume in volumes if volume.get("persistentVolumeClaim"))
    return {(pod["metadata"]["namespace"], claim["claimName"]) for claim in named}


def _binding(pod: Object) -> Object:
    metadata = {key: pod["metadata"][key] for key in ("name", "namespace", "uid")}
    return {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": metadata,
        "target": {"apiVersion": "v1", "kind": "Node", "name": NAME},
    }
