# SPDX-License-Identifier: Apache-2.0
"""What a team applies once: a namespace, a source, and a Kustomization an app; and the apps themselves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from app.cli.demo.stage import Stage
from app.cli.demo.timeline import StoryFailed
from policies import conditions
from policies.objects import Object, ObjectRef
from sandbox.forge.admin import Repository

_SETTLED = 60.0  # seconds; a loaded machine starts slowly


def follow(
    stage: Stage, repo: Repository, namespace: str, apps: Iterable[str], *, waiting: Iterable[str] = ()
) -> None:
    """Have the cluster follow a repository: each app is a folder below `apps`; those of `waiting` wait."""
    client, name, waiting = stage.cluster, repo.name, set(waiting)
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    client.create(
        {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"url": repo.clone_url, "ref": {"branch": "main"}, "interval": "10m"},
        }
    )
    source = ObjectRef("source.toolkit.fluxcd.io", "v1", "GitRepository", namespace, name)
    until(stage, source, lambda obj: bool((obj.get("status") or {}).get("artifact")))
    for app in apps:
        client.create(
            {
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
                "kind": "Kustomization",
                "metadata": {"name": app, "namespace": namespace},
                "spec": {
                    "sourceRef": {"kind": "GitRepository", "name": name},
                    "path": f"./apps/{app}",
                    "targetNamespace": namespace,
                    "interval": "10m",
                    "retryInterval": "1m",
                    "prune": True,
                    "wait": app in waiting,
                },
            }
        )


def settled(stage: Stage, namespace: str, apps: Iterable[str], *, ready: bool) -> None:
    """Wait until each Kustomization was reconciled, or is even ready: the story begins after that."""
    for app in apps:
        ref = ObjectRef("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", namespace, app)
        until(stage, ref, _is_ready if ready else _was_run)


def until(stage: Stage, ref: ObjectRef, seen: Callable[[Object], bool]) -> None:
    """Wait for an object to get so far; raises StoryFailed."""
    deadline = time.monotonic() + _SETTLED
    while not seen(stage.cluster.get(ref)):
        if time.monotonic() > deadline:
            raise StoryFailed(f"{ref} was not ready for the story after {_SETTLED:.0f} s")
        time.sleep(0.05)


def _was_run(obj: Object) -> bool:
    return conditions.find(conditions.of(obj), conditions.READY) is not None


def _is_ready(obj: Object) -> bool:
    return conditions.is_true(conditions.of(obj), conditions.READY)


def app(
    name: str,
    replicas: int,
    *,
    version: str = "6.9.0",
    settles: int = 0,
    registry: str = "",
    policy: str = "",
) -> dict[str, str]:
    """Return the files of an app; `settles` seconds have to pass before a pod of it counts as available.

    `policy` is the ImagePolicy, as `namespace:name`, that its image is marked to be set by.
    """
    labels, counts = f"app: {name}", f"  minReadySeconds: {settles}\n" if settles else ""
    image = f"{registry or 'ghcr.io'}/acme/{name}:{version}"
    marker = f' # {{"$imagepolicy": "{policy}"}}' if policy else ""
    return {
        f"apps/{name}/deployment.yaml": f"""apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  replicas: {replicas}
{counts}  selector:
    matchLabels:
      {labels}
  template:
    metadata:
      labels:
        {labels}
    spec:
      serviceAccountName: {name}
      containers:
      - name: {name}
        image: {image}{marker}
        envFrom:
        - configMapRef:
            name: {name}
""",
        f"apps/{name}/service.yaml": f"""apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  selector:
    {labels}
  ports:
  - port: 80
    targetPort: 8080
""",
        f"apps/{name}/config.yaml": f"""apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
data:
  GREETING: hello from {name}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {name}
""",
    }
