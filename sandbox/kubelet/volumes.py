# SPDX-License-Identifier: Apache-2.0
"""Volumes that hold nothing: every claim gets one, so that what asks for storage becomes healthy.

A claim takes a volume that somebody made for it where there is one that fits; otherwise one is made.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial

from sandbox.kube import MERGE, ApiError, Kube, Object
from sandbox.kubelet.follower import attempt
from sandbox.kubelet.matching import fits

CLASS = "standard"
_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
_VOLUMES = "/api/v1/persistentvolumes"
_DRIVER = "sandbox.fairway.dev"
_OURS = f"{_DRIVER}/none"
_PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"


def prepare(kube: Kube, ended: threading.Event) -> None:
    """Create the default storage class."""
    body: Object = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": _OURS,
    }
    attempt("the default storage class", lambda: kube.ensure(_CLASSES, body), ended)


class Claims:
    """Bind every PersistentVolumeClaim to a volume of its own, and give it back with the claim."""

    def __init__(
        self, kube: Kube, ended: threading.Event, tell: Callable[[set[tuple[str, str]]], None]
    ) -> None:
        """`tell` is told which claims are bound, as namespace and name, whenever that changes."""
        self._kube, self._ended, self._tell = kube, ended, tell
        self._bound: set[tuple[str, str]] = set()

    def listed(self, objects: Sequence[Object]) -> None:
        self._bound.clear()
        for claim in objects:
            self.changed("ADDED", claim)
        self._tell(set(self._bound))

    def changed(self, event: str, obj: Object) -> None:
        key = (obj["metadata"]["namespace"], obj["metadata"]["name"])
        what = f"PersistentVolumeClaim {'/'.join(key)}"
        bound = event != "DELETED" and (obj.get("status") or {}).get("phase") == "Bound"
        if bound != (key in self._bound):
            self._bound ^= {key}
            self._tell(set(self._bound))
        if event == "DELETED":
            attempt(f"the volume of {what}", lambda: self._give_back(obj), self._ended)
        elif obj["metadata"].get("deletionTimestamp"):
            attempt(f"the end of {what}", lambda: _let_go(self._kube, _path(obj), obj, "pvc"), self._ended)
        elif not bound:
            attempt(f"the binding of {what}", lambda: self._bind(obj), self._ended)

    def _bind(self, claim: Object) -> None:
        metadata, spec = claim["metadata"], claim["spec"]
        volume = self._volume_for(claim)
        name = volume["metadata"]["name"]
        if not (volume["spec"].get("claimRef") or {}).get("uid"):
            reference = {"spec": {"claimRef": _reference(claim)}}
            self._kube.call("PATCH", f"{_VOLUMES}/{name}", reference, content_type=MERGE)
        _phase(self._kube, name, "Bound")
        if not spec.get("volumeName"):
            body = {"metadata": {"uid": metadata["uid"]}, "spec": {"volumeName": name}}
            self._kube.call("PATCH", _path(claim), body, content_type=MERGE)
        status = {
            "phase": "Bound",
            "accessModes": volume["spec"]["accessModes"],
            "capacity": volume["spec"]["capacity"],
        }
        body = {"metadata": {"uid": metadata["uid"]}, "status": status}
        self._kube.call("PATCH", f"{_path(claim)}/status", body, content_type=MERGE)

    def _volume_for(self, claim: Object) -> Object:
        """Return the volume the claim names, one that waits for such a claim, or a new one."""
        if name := claim["spec"].get("volumeName"):
            return self._kube.call("GET", f"{_VOLUMES}/{name}")
        volumes, _ = self._kube.listed(_VOLUMES)
        waiting = sorted((v for v in volumes if fits(v, claim)), key=lambda v: str(v["metadata"]["name"]))
        if waiting:
            return waiting[0]
        volume = _volume(f"pvc-{claim['metadata']['uid']}", claim)
        self._kube.ensure(_VOLUMES, volume)
        return volume

    def _give_back(self, claim: Object) -> None:
        name = claim["spec"].get("volumeName")
        if not name:
            return
        volume = self._kube.call("GET", f"{_VOLUMES}/{name}")
        if (volume["spec"].get("claimRef") or {}).get("uid") != claim["metadata"]["uid"]:
            return
        _phase(self._kube, name, "Released")
        if volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
            self._kube.call("DELETE", f"{_VOLUMES}/{name}")


class Volumes:
    """Say of volumes that nobody claimed that they are available, and let deleted ones go."""

    def __init__(self, kube: Kube, ended: threading.Event) -> None:
        self._kube, self._ended = kube, ended

    def listed(self, objects: Sequence[Object]) -> None:
        for volume in objects:
            self.changed("ADDED", volume)
            if (volume["spec"].get("claimRef") or {}).get("uid"):
                attempt("a volume left behind", partial(self._collect, volume), self._ended)

    def changed(self, event: str, obj: Object) -> None:
        name = obj["metadata"]["name"]
        what = f"PersistentVolume {name}"
        if event == "DELETED":
            return
        if obj["metadata"].get("deletionTimestamp"):
            attempt(f"the end of {what}", lambda: self._end(obj), self._ended)
        elif (obj.get("status") or {}).get("phase") == "Pending" and not obj["spec"].get("claimRef"):
            attempt(f"the phase of {what}", lambda: _phase(self._kube, name, "Available"), self._ended)

    def _end(self, volume: Object) -> None:
        _let_go(self._kube, f"{_VOLUMES}/{volume['metadata']['name']}", volume, "pv")

    def _collect(self, volume: Object) -> None:
        """Delete a volume of ours whose claim went while we did not look."""
        reference, metadata = volume["spec"]["claimRef"], volume["metadata"]
        if (metadata.get("annotations") or {}).get(_PROVISIONED_BY) != _OURS:
            return
        try:
            claim = self._kube.call("GET", _path({"metadata": reference}))
        except ApiError as error:
            if error.status != 404:
                raise
            claim = {"metadata": {"uid": ""}}
        if claim["metadata"]["uid"] != reference["uid"]:
            self._kube.call("DELETE", f"{_VOLUMES}/{metadata['name']}")


def _path(claim: Object) -> str:
    metadata = claim["metadata"]
    return f"/api/v1/namespaces/{metadata['namespace']}/persistentvolumeclaims/{metadata['name']}"


def _phase(kube: Kube, name: str, phase: str) -> None:
    kube.call("PATCH", f"{_VOLUMES}/{name}/status", {"status": {"phase": phase}}, content_type=MERGE)


def _let_go(kube: Kube, path: str, obj: Object, short: str) -> None:
    """Take away the finalizer that protects what is in use: nothing here is."""
    held = obj["metadata"].get("finalizers") or []
    rest = [name for name in held if name != f"kubernetes.io/{short}-protection"]
    if rest != held:
        # The resource version keeps a finalizer that somebody adds meanwhile.
        metadata = {"resourceVersion": obj["metadata"]["resourceVersion"], "finalizers": rest}
        kube.call("PATCH", path, {"metadata": metadata}, content_type=MERGE)


def _reference(claim: Object) -> Object:
    metadata = {key: claim["metadata"][key] for key in ("namespace", "name", "uid")}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **metadata}


def _volume(name: str, claim: Object) -> Object:
    spec = claim["spec"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {_PROVISIONED_BY: _OURS}},
        "spec": {
            "accessModes": spec.get("accessModes") or ["ReadWriteOnce"],
            "capacity": spec["resources"]["requests"],
            "storageClassName": spec.get("storageClassName") or "",
            "volumeMode": spec.get("volumeMode") or "Filesystem",
            "persistentVolumeReclaimPolicy": "Delete",
            "csi": {"driver": _DRIVER, "volumeHandle": name},
            "claimRef": _reference(claim),
        },
    }
