# SPDX-License-Identifier: Apache-2.0
"""Pods without processes: bound, running and ready at once; those of Jobs complete.

The image tag `broken` stands for an image that cannot be pulled, so that failure can be seen too.
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

from sandbox.kube import MERGE, ApiError, Kube, Object
from sandbox.kubelet.node import HOST_IP, NAME, now

BROKEN_TAG = "broken"


class Pods:
    """Give every pod the status its node would report."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._numbers = itertools.count(2)
        self._used: set[str] = set()
        self._pool = ThreadPoolExecutor(8, "pods")
        self._done: dict[str, str] = {}  # uid → the step that was taken last

    def handle(self, event: str, pod: Object) -> None:
        """Take the pod's next step, off this thread: many pods come at once."""
        uid = pod["metadata"]["uid"]
        address = (pod.get("status") or {}).get("podIP")
        if address:
            self._used.add(address)
        if event == "DELETED":
            self._done.pop(uid, None)
            return
        step = _step(pod)
        if step and self._done.get(uid) != step:
            self._done[uid] = step
            self._pool.submit(self._take, step, pod)

    def _take(self, step: str, pod: Object) -> None:
        metadata = pod["metadata"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        try:
            if step == "delete":
                options: Object = {"gracePeriodSeconds": 0, "preconditions": {"uid": metadata["uid"]}}
                self._kube.call("DELETE", path, options)
            elif step == "bind":
                self._kube.call("POST", f"{path}/binding", _binding(pod))
            else:
                self._kube.call("PATCH", f"{path}/status", {"status": self._status(pod)}, content_type=MERGE)
        except ApiError as error:
            self._done.pop(metadata["uid"], None)
            if error.status not in (404, 409):
                raise

    def _status(self, pod: Object) -> Object:
        if _broken(pod):
            return _pending(pod)
        return _succeeded(pod, self._address()) if _of_job(pod) else _running(pod, self._address())

    def _address(self) -> str:
        while True:
            number = next(self._numbers)
            address = f"10.77.{number // 250 % 250}.{number % 250 + 2}"
            if address not in self._used:
                self._used.add(address)
                return address


def _step(pod: Object) -> str:
    status = pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp"):
        return "delete" if not pod["metadata"].get("finalizers") else ""
    if not pod["spec"].get("nodeName"):
        return "bind"
    if pod["spec"]["nodeName"] != NAME or status.get("phase") in ("Running", "Succeeded", "Failed"):
        return ""
    return "" if _broken(pod) and status.get("containerStatuses") else "report"


def _binding(pod: Object) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": pod["metadata"]["name"], "namespace": pod["metadata"]["namespace"]},
        "target": {"apiVersion": "v1", "kind": "Node", "name": NAME},
    }


def _of_job(pod: Object) -> bool:
    owners = pod["metadata"].get("ownerReferences") or []
    return pod["spec"].get("restartPolicy") != "Always" and any(o["kind"] == "Job" for o in owners)


def _broken(pod: Object) -> bool:
    containers = [*(pod["spec"].get("initContainers") or []), *pod["spec"]["containers"]]
    return any(_tag(container["image"]) == BROKEN_TAG for container in containers)


def _tag(image: str) -> str:
    return image.rpartition("/")[2].partition("@")[0].partition(":")[2]


def _conditions(*, ready: bool, reason: str = "") -> list[Object]:
    state = "True" if ready else "False"
    found: list[Object] = []
    for name in ("PodScheduled", "Initialized", "ContainersReady", "Ready"):
        value = state if name in ("ContainersReady", "Ready") else "True"
        condition: Object = {"type": name, "status": value, "lastTransitionTime": now()}
        if value == "False" and reason:
            condition["reason"] = reason
        found.append(condition)
    return found


def _common(pod: Object) -> Object:
    return {"hostIP": HOST_IP, "startTime": (pod.get("status") or {}).get("startTime") or now()}


def _container(container: Object, *, ready: bool, state: Object) -> Object:
    name = f"sandbox://{container['name']}"
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": container["image"],
        "containerID": name if "waiting" not in state else "",
        "ready": ready,
        "started": ready,
        "restartCount": 0,
        "state": state,
    }


def _ended() -> Object:
    return {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now(), "finishedAt": now()}}


def _init(pod: Object) -> list[Object]:
    found = []
    for container in pod["spec"].get("initContainers") or []:
        sidecar = container.get("restartPolicy") == "Always"
        state = {"running": {"startedAt": now()}} if sidecar else _ended()
        found.append(_container(container, ready=True, state=state))
    return found


def _running(pod: Object, address: str) -> Object:
    running = {"running": {"startedAt": now()}}
    return {
        **_common(pod),
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": _conditions(ready=True),
        "initContainerStatuses": _init(pod),
        "containerStatuses": [_container(c, ready=True, state=running) for c in pod["spec"]["containers"]],
    }


def _succeeded(pod: Object, address: str) -> Object:
    return {
        **_running(pod, address),
        "phase": "Succeeded",
        "conditions": _conditions(ready=False, reason="PodCompleted"),
        "containerStatuses": [_container(c, ready=False, state=_ended()) for c in pod["spec"]["containers"]],
    }


def _pending(pod: Object) -> Object:
    def state(container: Object) -> Object:
        if _tag(container["image"]) != BROKEN_TAG:
            return {"waiting": {"reason": "ContainerCreating"}}
        message = f'Back-off pulling image "{container["image"]}"'
        return {"waiting": {"reason": "ImagePullBackOff", "message": message}}

    return {
        **_common(pod),
        "phase": "Pending",
        "conditions": _conditions(ready=False, reason="ContainersNotReady"),
        "containerStatuses": [_container(c, ready=False, state=state(c)) for c in pod["spec"]["containers"]],
    }
