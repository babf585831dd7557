# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from policies.fairness import GITHUB, Share, of_image, of_kustomization, of_repository, of_source, usual

URL = "https://github.com"


def source(url: str, name: str = "fleet", namespace: str = "apps") -> dict[str, Any]:
    return {
        "kind": "GitRepository",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"url": url},
    }


def kustomization(**spec: Any) -> dict[str, Any]:
    return {"kind": "Kustomization", "metadata": {"namespace": "apps", "name": "web"}, "spec": spec}


@pytest.mark.parametrize(
    ("url", "share"),
    [
        ("https://github.com/Acme/Fleet.git", Share("apps", "acme/fleet", "git:github.com")),
        (
            "https://me:secret@git.example:8443/a/b",
            Share("apps", "GitRepository apps/fleet", "git:git.example:8443"),
        ),
        ("ssh://git@GitHub.com/acme/fleet", Share("apps", "acme/fleet", "git:github.com")),
        ("http://[::1", Share("apps", "GitRepository apps/fleet", "git:")),
        ("", Share("apps", "GitRepository apps/fleet", "git:")),
    ],
)
def test_a_source_waits_for_its_host_and_takes_turns_as_its_repository(url: str, share: Share) -> None:
    assert of_source(source(url), URL) == share


def test_a_source_without_a_spec_has_a_share() -> None:
    obj = {"kind": "GitRepository", "metadata": {"namespace": "apps", "name": "fleet"}}
    assert of_source(obj, URL) == Share("apps", "GitRepository apps/fleet", "git:")


@pytest.mark.parametrize(
    ("spec", "gate"),
    [
        ({}, ""),
        ({"kubeConfig": {"secretRef": {"name": "east"}}}, "cluster:apps/east"),
        ({"kubeConfig": {"configMapRef": {"name": "west"}}}, "cluster:apps/west"),
        ({"kubeConfig": {}}, ""),
    ],
)
def test_a_kustomization_takes_turns_with_all_of_its_repository(spec: dict[str, Any], gate: str) -> None:
    fleet = source("https://github.com/acme/fleet", namespace="flux-system")
    assert of_kustomization(kustomization(**spec), fleet, URL) == Share("apps", "acme/fleet", gate)


@pytest.mark.parametrize(
    ("kind", "spec", "gate"),
    [
        ("ImageRepository", {}, "registry:ghcr.io"),
        ("ImagePolicy", {}, ""),
        ("ImagePolicy", {"digestReflectionPolicy": "Never"}, ""),
        ("ImagePolicy", {"digestReflectionPolicy": "IfNotPresent"}, "registry:ghcr.io"),
        ("ImagePolicy", {"digestReflectionPolicy": "Always"}, "registry:ghcr.io"),
    ],
)
def test_only_what_asks_a_registry_waits_for_its_host(kind: str, spec: dict[str, Any], gate: str) -> None:
    obj = {"kind": kind, "metadata": {"namespace": "apps", "name": "web"}, "spec": spec}
    assert of_image(obj, "ghcr.io") == Share("apps", "", gate)
    assert of_image(obj, "") == Share("apps")


def test_without_its_source_it_has_its_namespaces_share() -> None:
    assert of_kustomization(kustomization(), None, URL) == Share("apps")


def test_the_report_on_a_repository_comes_after_what_it_tells_of() -> None:
    assert of_repository("Acme", "Fleet", "apps") == Share("apps", "acme/fleet", GITHUB)


@pytest.mark.parametrize(
    ("key", "share"),
    [
        (("Kustomization", "apps", "web"), Share("apps")),
        (("Followers", "apps", "src"), Share("apps")),
        (("Repository", "acme", "Fleet"), Share("acme", "acme/fleet", GITHUB)),
        (("PullRequest", "acme", "fleet:7"), Share("acme", "acme/fleet", GITHUB)),
        (("Sweep", "acme", "fleet:merges"), Share("acme", "acme/fleet", GITHUB)),
    ],
)
def test_what_asks_github_passes_its_gate_by_default(key: tuple[str, str, str], share: Share) -> None:
    assert usual(*key) == share
