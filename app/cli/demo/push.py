# SPDX-License-Identifier: Apache-2.0
"""Chapter 1: a push reaches the cluster, a mistake is caught, the fix goes through."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.cli.demo.stage import Stage
from app.cli.demo.timeline import StoryFailed, Timeline
from policies import conditions
from policies.objects import Object, ObjectRef

_NAMESPACE = "apps"
_SETTLED = 60.0  # seconds; a loaded machine starts slowly
_SOURCE = ObjectRef("source.toolkit.fluxcd.io", "v1", "GitRepository", _NAMESPACE, "fleet")


def play(stage: Stage) -> None:
    """Tell the chapter; raises StoryFailed."""
    console = stage.console
    repo = stage.forge.create_repository("acme", "fleet", files={"README.md": "# fleet\n"})
    stage.forge.install(stage.forge.app("fairway"), "acme")
    _follow(stage, repo.clone_url)
    timeline = Timeline(console, stage.forge, repo, stage.cluster)
    try:
        console.print("\n[bold]1  A push reaches the cluster[/bold]")
        files = {**_app("web", 2), **_app("api", 1)}
        sha = timeline.push(
            lambda: stage.forge.commit(repo, files, "Add web and api", author="alice"),
            author="alice",
            message="Add web and api",
        )
        timeline.until_final(sha, state="success", saying=["healthy"])
        timeline.expect("GitRepository at", "Kustomization applied", "Deployment healthy", "status pending")
        _where(stage, repo.html_url, sha)

        console.print("\n[bold]   A push with a mistake[/bold]")
        wrong = files["apps/web/deployment.yaml"].replace("  replicas: 2", "   replicas: 3")
        sha = timeline.push(
            lambda: stage.forge.commit(
                repo, {"apps/web/deployment.yaml": wrong}, "Scale web to 3", author="bob"
            ),
            author="bob",
            message="Scale web to 3",
        )
        timeline.until_final(sha, state="failure", saying=["apps/web/deployment.yaml:"])
        _where(stage, repo.html_url, sha)

        console.print("\n[bold]   The fix[/bold]")
        right = files["apps/web/deployment.yaml"].replace("replicas: 2", "replicas: 3")
        sha = timeline.push(
            lambda: stage.forge.commit(
                repo, {"apps/web/deployment.yaml": right}, "Indent replicas", author="bob"
            ),
            author="bob",
            message="Indent replicas",
        )
        timeline.until_final(sha, state="success", saying=["healthy"])
        timeline.expect("Deployment healthy")
        _where(stage, repo.html_url, sha)
    finally:
        timeline.close()


def _where(stage: Stage, html_url: str, sha: str) -> None:
    repository = "/".join(html_url.rsplit("/", 2)[-2:])
    stage.console.print(
        f"             [dim]{html_url}/commit/{sha[:12]}   {stage.page}/{repository}/commit/{sha}[/dim]",
        soft_wrap=True,
    )


def _follow(stage: Stage, url: str) -> None:
    """Create what a team applies once: a namespace, the source, and a Kustomization an app."""
    client = stage.cluster
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}})
    client.create(
        {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": {"name": "fleet", "namespace": _NAMESPACE},
            "spec": {"url": url, "ref": {"branch": "main"}, "interval": "10m"},
        }
    )
    _until(stage, _SOURCE, lambda obj: bool((obj.get("status") or {}).get("artifact")))
    for name in ("web", "api"):
        client.create(
            {
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
                "kind": "Kustomization",
                "metadata": {"name": name, "namespace": _NAMESPACE},
                "spec": {
                    "sourceRef": {"kind": "GitRepository", "name": "fleet"},
                    "path": f"./apps/{name}",
                    "targetNamespace": _NAMESPACE,
                    "interval": "10m",
                    "retryInterval": "1m",
                    "prune": True,
                    "wait": name == "web",
                },
            }
        )
        ref = ObjectRef("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", _NAMESPACE, name)
        _until(stage, ref, lambda obj: conditions.find(conditions.of(obj), "Ready") is not None)


def _until(stage: Stage, ref: ObjectRef, seen: Callable[[Object], bool]) -> None:
    """Wait for an object to get so far, so that the story begins with the push."""
    deadline = time.monotonic() + _SETTLED
    while not seen(stage.cluster.get(ref)):
        if time.monotonic() > deadline:
            raise StoryFailed(f"{ref} was not ready for the story after {_SETTLED:.0f} s")
        time.sleep(0.05)


def _app(name: str, replicas: int) -> dict[str, str]:
    labels = f"app: {name}"
    return {
        f"apps/{name}/deployment.yaml": f"""apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  replicas: {replicas}
  selector:
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
        image: ghcr.io/acme/{name}:6.9.0
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
