# SPDX-License-Identifier: Apache-2.0
"""Whose turn an object takes in the queues, and how many runs one tenant or one slow host may occupy.

Tenants take turns, and within a tenant its repositories do: a thousand objects of one repository delay two
of another by no more than their own number. What may block for long counts against a gate besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from policies.github.urls import repository_of

GITHUB = "github"  # the gate of what waits for GitHub's API
# What asks GitHub: keys of a repository, by owner and name, with what it is about after a colon.
_ASKS_GITHUB = frozenset(
    {
        "ChecksAgain",
        "Comment",
        "Conversations",
        "LostDeliveries",
        "Merge",
        "MergeGroup",
        "PullRequest",
        "Report",
        "Repository",
        "Sweep",
    }
)
_DIGESTS = ("Always", "IfNotPresent")
# Of all workers' threads: neither one tenant nor one host that does not answer may occupy every one.
TENANT_PART, GATE_PART = 0.75, 0.25


@dataclass(frozen=True, slots=True)
class Share:
    """A tenant (a namespace), one of its repositories, and the gate its runs pass ("" for none)."""

    tenant: str = ""
    name: str = ""
    gate: str = ""


def usual(kind: str, namespace: str, name: str) -> Share:
    """Return the share of an object of which nothing more is known; a repository's owner is its namespace."""
    if kind in _ASKS_GITHUB:
        return of_repository(namespace, name.partition(":")[0], namespace)
    return Share(namespace)


def of_source(source: Mapping[str, Any], github_url: str) -> Share:
    """Return the share of a source; its runs wait for the host of its repository."""
    tenant, url = source["metadata"]["namespace"], str((source.get("spec") or {}).get("url", ""))
    return Share(tenant, _name(source, url, github_url), f"git:{_host(url)}")


def of_kustomization(obj: Mapping[str, Any], source: Mapping[str, Any] | None, github_url: str) -> Share:
    """Return the share of a Kustomization: that of its source; its runs may wait for another cluster."""
    tenant, spec = obj["metadata"]["namespace"], obj.get("spec") or {}
    url = str(((source or {}).get("spec") or {}).get("url", ""))
    name = _name(source, url, github_url) if source else ""
    remote = spec.get("kubeConfig")
    reference = (remote.get("secretRef") or remote.get("configMapRef") or {}) if remote else {}
    return Share(tenant, name, f"cluster:{tenant}/{reference.get('name', '')}" if remote else "")


def of_image(obj: Mapping[str, Any], registry: str) -> Share:
    """Return the share of an image's scan or policy; whose runs ask the registry, waits for its host.

    A policy asks only for digests: without them it goes by what a scan has found.
    """
    asks = (
        obj["kind"] == "ImageRepository" or (obj.get("spec") or {}).get("digestReflectionPolicy") in _DIGESTS
    )
    return Share(obj["metadata"]["namespace"], "", f"registry:{registry}" if registry and asks else "")


def of_automation(obj: Mapping[str, Any], source: Mapping[str, Any] | None, github_url: str) -> Share:
    """Return the share of an image automation: that of its source, for whose host its runs wait as well."""
    tenant = obj["metadata"]["namespace"]
    return replace(of_source(source, github_url), tenant=tenant) if source else Share(tenant)


def of_repository(owner: str, name: str, tenant: str) -> Share:
    """Return the share of what tells GitHub about a repository, for the sake of objects in a namespace."""
    return Share(tenant, f"{owner}/{name}".lower(), GITHUB)


def _name(source: Mapping[str, Any], url: str, github_url: str) -> str:
    """Name the repository alike for all objects that concern it, the report on it included."""
    found = repository_of(url, github_url)
    metadata = source["metadata"]
    return "/".join(found) if found else f"{source['kind']} {metadata['namespace']}/{metadata['name']}"


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""
