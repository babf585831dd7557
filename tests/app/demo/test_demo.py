# SPDX-License-Identifier: Apache-2.0
"""The demo as a newcomer runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_SYNC = """apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  name: flux-system
  namespace: flux-system
spec:
  interval: 1m0s
  ref:
    branch: trunk
  secretRef:
    name: flux-system
  url: ssh://git@github.com/me/fleet
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: flux-system
  namespace: flux-system
spec:
  interval: 10m0s
  path: ./clusters/prod
  prune: true
  sourceRef:
    kind: GitRepository
    name: flux-system
"""
_FLUX = "resources:\n- gotk-components.yaml\n- gotk-sync.yaml\n"
_CHILDREN = """apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: infra, namespace: flux-system}
spec:
  interval: 10m
  path: ./infra
  prune: true
  wait: true
  sourceRef: {kind: GitRepository, name: flux-system}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec:
  interval: 10m
  path: ./apps
  prune: true
  wait: true
  dependsOn: [{name: infra}]
  sourceRef: {kind: GitRepository, name: flux-system}
  postBuild: {substitute: {cluster: prod}}
"""
_INFRA = """apiVersion: v1
kind: Namespace
metadata: {name: web}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: cache, namespace: web}
spec: {interval: 5m, chart: {spec: {chart: cache, sourceRef: {kind: HelmRepository, name: charts}}}}
"""
_WEB = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: web, labels: {cluster: "${cluster}"}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx}]}
"""


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "demo", "--exit", *arguments],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(Path.home()), "COLUMNS": "160"},
    )


@pytest.mark.timeout(180)
def test_the_story_of_a_push_is_told_and_ends_well() -> None:
    ended = demo("--only", "push")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for words in (
        "A push reaches the cluster",
        "status pending",
        "status success",
        "status failure",
        "deployment.yaml:",
    ):
        assert words in ended.stdout


@pytest.mark.timeout(180)
def test_a_repository_of_the_users_own_is_served(tmp_path: Path) -> None:
    files = {
        "clusters/prod/flux-system/gotk-sync.yaml": _SYNC,
        "clusters/prod/flux-system/gotk-components.yaml": "kind: Deployment\n",
        "clusters/prod/flux-system/kustomization.yaml": _FLUX,
        "clusters/prod/children.yaml": _CHILDREN,
        "infra/infra.yaml": _INFRA,
        "apps/web.yaml": _WEB,
    }
    repository = tmp_path / "fleet"
    for name, content in files.items():
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(content)
    for command in (["init", "-q", "-b", "trunk"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        identity = ["-c", "user.name=me", "-c", "user.email=me@example.com"]
        subprocess.run(["git", *identity, *command], cwd=repository, check=True)
    ended = demo("--repo", str(repository))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = {line.strip() for line in ended.stdout.splitlines()}
    assert any(line.startswith("✓") and "Kustomization flux-system/apps" in line for line in lines)
    assert any(line.startswith("✓") and "Deployment web/web" in line for line in lines)
    assert any(
        line.startswith("–") and "HelmRelease web/cache" in line and "not served" in line for line in lines
    )


@pytest.mark.timeout(180)
def test_the_story_of_a_pull_request_is_told_and_ends_well() -> None:
    ended = demo("--only", "pull-request")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = iter(ended.stdout.splitlines())
    for words in (
        "A pull request comes true",
        "#1 opened by alice",
        "Nothing is applied before the merge",
        "/acme/shop/pull/1",
        "merge of #1 by alice",
        "1 of 2 done",
        "applied and healthy",
        "the cluster runs 6.9.1",
        "bob (read) writes in #1: /rollback staging",
        "it takes the role write; bob has read",
        "alice (write) writes in #1: /help",
        "lists the orders that can be given here",
        "alice (write) writes in #1: /rollback staging",
        "#2 opened by fairway[bot]",
        "/acme/shop/pull/2",
        "merge of #2 by alice",
        "applied and healthy",
        "the cluster runs 6.9.0",
    ):
        assert any(words in line for line in told), f"{words} is not told, or not there: {ended.stdout}"
    assert "A push reaches the cluster" not in ended.stdout


@pytest.mark.timeout(180)
def test_the_story_of_a_new_image_is_told_and_ends_well() -> None:
    ended = demo("--only", "images")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = iter(ended.stdout.splitlines())
    for words in (
        "A new image arrives as a pull request",
        "/acme/web:6.9.1 by a pipeline",
        "ImagePolicy store/web chooses 6.9.1",
        "#1 opened by fairway[bot]",
        "/acme/store/pull/1",
        "/acme/web:6.9.2 by a pipeline",
        "#1 renewed by fairway[bot]",
        "merge of #1 by alice",
        "/acme/web:6.9.2  Deployment store/web",
        "the pods run 6.9.2",
        "#2 opened by fairway[bot]",
        "alice (write) writes in #2: /ignore major",
        "/acme/web:7.0.1 by a pipeline",
        "holds 7.0.1: it was declined",
    ):
        assert any(words in line for line in told), f"{words} is not told, or not there: {ended.stdout}"
    # GitHub tells of the two in any order.
    for words in ("#2 closed by fairway[bot]", "every version 7 of"):
        assert words in ended.stdout
    assert "A pull request comes true" not in ended.stdout


def test_a_chapter_that_is_none_is_refused_with_those_there_are() -> None:
    ended = demo("--only", "promotion")
    assert ended.returncode == 2
    assert "'push'" in ended.stderr
    assert "'pull-request'" in ended.stderr
    assert "'images'" in ended.stderr
