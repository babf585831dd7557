# SPDX-License-Identifier: Apache-2.0
"""The status a node would report for a pod, made up from its spec: pure, so that it is the same each time.

Containers run as soon as their images can be pulled. The image tag `broken` stands for one that cannot, so
that failure can be seen too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from sandbox.kube import Object
from sandbox.kubelet.node import HOST_IP

BROKEN_TAG = "broken"
TERMINAL = ("Succeeded", "Failed")


def report(pod: Object, *, address: str, at: str) -> Object:
    """Return a pod's status on the node: running, completed if it is a Job's, or waiting for its image."""
    init, main = _init_containers(pod), pod["spec"]["containers"]
    stuck_init = next((i for i, container in enumerate(init) if broken(container)), None)
    if stuck_init is not None:
        return _held_by_init(pod, stuck_init, at)
    if any(broken(container) for container in main):
        return _held(pod, at)
    if _completes(pod):
        return _completed(pod, address, at)
    return _running(pod, address, at)


def ended(pod: Object, *, at: str) -> Object:
    """Return the last status of a pod that is being deleted: what ran was stopped, what waited never ran."""
    ran = (pod.get("status") or {}).get("phase") == "Running"
    state = {"terminated": _terminated(at) if ran else _terminated(at, 137, "ContainerStatusUnknown")}
    return {
        "phase": "Succeeded" if ran else "Failed",
        "conditions": _conditions(pod, at, unready="PodCompleted" if ran else "PodFailed"),
        "containerStatuses": [_status(pod, c, state, ready=False) for c in pod["spec"]["containers"]],
    }


def fingerprint(pod: Object) -> str:
    """Return what a report depends on; as long as it stays, one report is enough."""
    gates = ",".join(f"{name}={_gate(pod, name)}" for name in _gates(pod))
    return f"{pod['metadata'].get('generation', 1)} {gates}"


def reported(pod: Object) -> bool:
    """Say whether the pod's status is the one we would report."""
    status = pod.get("status") or {}
    if status.get("phase") in TERMINAL:
        return True
    if not status.get("containerStatuses"):
        return False
    if status.get("observedGeneration", 0) != pod["metadata"].get("generation", 0):
        return False
    held = any(broken(c) for c in [*_init_containers(pod), *pod["spec"]["containers"]])
    ready = "True" if not held and all(_gate(pod, name) for name in _gates(pod)) else "False"
    return _old_condition(pod, "Ready").get("status") == ready


def broken(container: Object) -> bool:
    """Say whether a container's image cannot be pulled."""
    name: str = container["image"].rpartition("/")[2].partition("@")[0]
    return name.partition(":")[2] == BROKEN_TAG


def pull_failure(image: str) -> str:
    """Return what a kubelet says about an image that is not there."""
    return (
        f'Back-off pulling image "{image}": ErrImagePull: rpc error: code = NotFound desc = '
        f'failed to pull and unpack image "{image}": failed to resolve image: {image}: not found'
    )


def _running(pod: Object, address: str, at: str) -> Object:
    state = {"running": {"startedAt": at}}
    waits_for = [name for name in _gates(pod) if not _gate(pod, name)]
    conditions = _conditions(pod, at)
    if waits_for:
        missing = ", ".join(f'"{name}"' for name in waits_for)
        message = f"the status of pod readiness gate {missing} is not True"
        conditions[-1] = _condition(pod, "Ready", at, reason="ReadinessGatesNotReady", message=message)
    return {
        **_common(pod, at),
        **_addressed(address),
        "phase": "Running",
        "conditions": conditions,
        "initContainerStatuses": _initialised(pod, at),
        "containerStatuses": [_status(pod, c, state, ready=True) for c in pod["spec"]["containers"]],
    }


def _completed(pod: Object, address: str, at: str) -> Object:
    state = {"terminated": _terminated(at)}
    return {
        **_common(pod, at),
        **_addressed(address),
        "phase": "Succeeded",
        "conditions": _conditions(pod, at, unready="PodCompleted"),
        "initContainerStatuses": [_status(pod, c, state, ready=True) for c in _init_containers(pod)],
        "containerStatuses": [_status(pod, c, state, ready=False) for c in pod["spec"]["containers"]],
    }


def _held(pod: Object, at: str) -> Object:
    """Containers wait for their image; the kubelet starts the others meanwhile, which makes no pod ready."""
    found = []
    for container in pod["spec"]["containers"]:
        waits = broken(container)
        state = _backing_off(container) if waits else {"running": {"startedAt": at}}
        found.append(_status(pod, container, state, ready=not waits))
    names = [container["name"] for container in pod["spec"]["containers"] if broken(container)]
    return {
        **_common(pod, at),
        "phase": "Pending",
        "conditions": _conditions(pod, at, unready="ContainersNotReady", names=names),
        "initContainerStatuses": _initialised(pod, at),
        "containerStatuses": found,
    }


def _held_by_init(pod: Object, stuck: int, at: str) -> Object:
    """Init containers run one after the other: those before the stuck one are done, nothing else began."""
    init, main = _init_containers(pod), pod["spec"]["containers"]
    waiting = {"waiting": {"reason": "PodInitializing"}}
    statuses = [
        *_initialised(pod, at)[:stuck],
        _status(pod, init[stuck], _backing_off(init[stuck]), ready=False),
        *(_status(pod, container, waiting, ready=False) for container in init[stuck + 1 :]),
    ]
    names = [container["name"] for container in main]
    conditions = _conditions(pod, at, unready="ContainersNotReady", names=names)
    conditions[2] = _condition(
        pod,
        "Initialized",
        at,
        reason="ContainersNotInitialized",
        message=_names("containers with incomplete status", (c["name"] for c in init[stuck:])),
    )
    return {
        **_common(pod, at),
        "phase": "Pending",
        "conditions": conditions,
        "initContainerStatuses": statuses,
        "containerStatuses": [_status(pod, container, waiting, ready=False) for container in main],
    }


def _common(pod: Object, at: str) -> Object:
    started = (pod.get("status") or {}).get("startTime") or at
    return {
        "observedGeneration": pod["metadata"].get("generation"),
        "hostIP": HOST_IP,
        "hostIPs": [{"ip": HOST_IP}],
        "startTime": started,
    }


def _addressed(address: str) -> Object:
    return {"podIP": address, "podIPs": [{"ip": address}]}


def _initialised(pod: Object, at: str) -> list[Object]:
    found = []
    for container in _init_containers(pod):
        sidecar = container.get("restartPolicy") == "Always"
        state = {"running": {"startedAt": at}} if sidecar else {"terminated": _terminated(at)}
        found.append(_status(pod, container, state, ready=True))
    return found


def _status(pod: Object, container: Object, state: Object, *, ready: bool) -> Object:
    name, image = container["name"], container["image"]
    old = _old_status(pod, name)
    restarts = old.get("restartCount", 0)
    ran = bool((old.get("state") or {}).get("running"))
    if "running" in state and ran:
        if old.get("image") == image:
            state = old["state"]
        else:
            restarts += 1
    found = {
        "name": name,
        "image": image,
        "imageID": "",
        "ready": ready,
        "started": "running" in state,
        "restartCount": restarts,
        "state": state,
    }
    if "waiting" not in state:
        found["imageID"] = _image_id(image)
        found["containerID"] = f"sandbox://{_digest(pod['metadata']['uid'], name, str(restarts))}"
    return found


def _old_status(pod: Object, name: str) -> Object:
    status = pod.get("status") or {}
    known = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return next((container for container in known if container["name"] == name), {})


def _terminated(at: str, code: int = 0, reason: str = "Completed") -> Object:
    return {"exitCode": code, "reason": reason, "startedAt": at, "finishedAt": at}


def _backing_off(container: Object) -> Object:
    message = pull_failure(container["image"])
    return {"waiting": {"reason": "ImagePullBackOff", "message": message}}


def _conditions(pod: Object, at: str, *, unready: str = "", names: Sequence[str] = ()) -> list[Object]:
    """Return all conditions in a fixed order; `unready` is the reason of the two that are then False."""
    message = _names("containers with unready status", names) if names else ""
    return [
        *(_condition(pod, name, at) for name in ("PodScheduled", "PodReadyToStartContainers", "Initialized")),
        _condition(pod, "ContainersReady", at, reason=unready, message=message),
        _condition(pod, "Ready", at, reason=unready, message=message),
    ]


def _condition(pod: Object, name: str, at: str, *, reason: str = "", message: str = "") -> Object:
    """Return a condition: False with its reason, or True without one."""
    status, old = "False" if reason else "True", _old_condition(pod, name)
    since = old.get("lastTransitionTime") if old.get("status") == status else None
    return {
        "type": name,
        "status": status,
        "reason": reason or None,
        "message": message or None,
        "observedGeneration": pod["metadata"].get("generation"),
        "lastTransitionTime": since or at,
    }


def _old_condition(pod: Object, name: str) -> Object:
    known = (pod.get("status") or {}).get("conditions") or []
    return next((condition for condition in known if condition["type"] == name), {})


def _gates(pod: Object) -> list[str]:
    return [gate["conditionType"] for gate in pod["spec"].get("readinessGates") or []]


def _gate(pod: Object, name: str) -> bool:
    return _old_condition(pod, name).get("status") == "True"


def _completes(pod: Object) -> bool:
    owners = pod["metadata"].get("ownerReferences") or []
    return any(owner["kind"] == "Job" for owner in owners)


def _init_containers(pod: Object) -> list[Object]:
    return pod["spec"].get("initContainers") or []


def _names(text: str, names: Iterable[str]) -> str:
    return f"{text}: [{' '.join(names)}]"


def _image_id(image: str) -> str:
    if "@" in image:
        return image
    folder, slash, name = image.rpartition("/")
    return f"{folder}{slash}{name.partition(':')[0]}@sha256:{_digest(image)}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
