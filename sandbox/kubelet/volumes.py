# SPDX-License-Identifier: Apache-2.0
"""Volumes that hold nothing: every claim gets one, so that what asks for storage becomes healthy."""

from __future__ import annotations

from sandbox.kube import MERGE, Kube, Object

CLASS = "standard"


def prepare(kube: Kube) -> None:
    """Create the default storage class."""
    kube.ensure(
        "/apis/storage.k8s.io/v1/storageclasses",
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": CLASS,
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            "provisioner": "sandbox.fairway.dev/none",
        },
    )


class Claims:
    """Bind every PersistentVolumeClaim to a volume of its own."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube

    def handle(self, event: str, claim: Object) -> None:
        metadata, spec = claim["metadata"], claim["spec"]
        if event == "DELETED" or metadata.get("deletionTimestamp"):
            self._release(claim)
            return
        if (claim.get("status") or {}).get("phase") == "Bound":
            return
        name = spec.get("volumeName") or f"pvc-{metadata['uid']}"
        path = f"/api/v1/namespaces/{metadata['namespace']}/persistentvolumeclaims/{metadata['name']}"
        self._kube.ensure("/api/v1/persistentvolumes", _volume(name, claim))
        self._kube.call(
            "PATCH",
            f"/api/v1/persistentvolumes/{name}/status",
            {"status": {"phase": "Bound"}},
            content_type=MERGE,
        )
        if not spec.get("volumeName"):
            self._kube.call("PATCH", path, {"spec": {"volumeName": name}}, content_type=MERGE)
        status = {
            "phase": "Bound",
            "accessModes": spec.get("accessModes") or ["ReadWriteOnce"],
            "capacity": spec["resources"]["requests"],
        }
        self._kube.call("PATCH", f"{path}/status", {"status": status}, content_type=MERGE)

    def _release(self, claim: Object) -> None:
        metadata = claim["metadata"]
        if "kubernetes.io/pvc-protection" in (metadata.get("finalizers") or []):
            path = f"/api/v1/namespaces/{metadata['namespace']}/persistentvolumeclaims/{metadata['name']}"
            rest = [f for f in metadata["finalizers"] if f != "kubernetes.io/pvc-protection"]
            self._kube.call("PATCH", path, {"metadata": {"finalizers": rest or None}}, content_type=MERGE)
        if name := claim["spec"].get("volumeName"):
            self._kube.call(
                "PATCH",
                f"/api/v1/persistentvolumes/{name}",
                {"metadata": {"finalizers": None}},
                content_type=MERGE,
            )
            self._kube.call("DELETE", f"/api/v1/persistentvolumes/{name}")


def _volume(name: str, claim: Object) -> Object:
    spec, metadata = claim["spec"], claim["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "accessModes": spec.get("accessModes") or ["ReadWriteOnce"],
            "capacity": spec["resources"]["requests"],
            "storageClassName": spec.get("storageClassName") or CLASS,
            "volumeMode": spec.get("volumeMode") or "Filesystem",
            "persistentVolumeReclaimPolicy": "Delete",
            "hostPath": {"path": f"/sandbox/{name}"},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
        },
    }
