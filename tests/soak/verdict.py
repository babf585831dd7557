# SPDX-License-Identifier: Apache-2.0
"""The judgement at the end: the cluster equals Git, every commit has its final status."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from policies import conditions
from policies.objects import ObjectRef
from tests.soak.tenant import PATHS, Tenant
from workers.cluster import Client

_KINDS = (("", "v1", "ConfigMap"), ("apps", "v1", "Deployment"), ("", "v1", "Service"))
_NOT_OURS = frozenset({("ConfigMap", "kube-root-ca.crt")})  # every namespace has it


def quiet(look: Callable[[], list[str]], within: float) -> list[str]:
    """Look until nothing is wrong, for `within` seconds; returns what still is."""
    deadline = time.monotonic() + within
    while (wrong := look()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return wrong


def unlike_git(client: Client, tenant: Tenant) -> list[str]:
    """Say where a team's namespace is not as its newest commit says."""
    wanted = {(obj["kind"], obj["metadata"]["name"]): obj for obj in tenant.wanted()}
    live = dict(_live(client, tenant.team.namespace))
    where = tenant.team.namespace
    wrong = [f"{where}: {kind}/{name} is missing" for kind, name in sorted(wanted.keys() - live.keys())]
    wrong += [f"{where}: {kind}/{name} is left" for kind, name in sorted(live.keys() - wanted.keys())]
    for key in sorted(wanted.keys() & live.keys()):
        wrong += [f"{where}: {key[0]}/{key[1]} {said}" for said in differences(wanted[key], live[key])]
    return wrong + [said for path in PATHS if (said := _not_ready(tenant, path))]


def unanswered(tenant: Tenant) -> list[str]:
    """Name the commits without a final status, and the newest one if it is no success."""
    wrong, newest = [], tenant.pushed[-1:]
    for sha in tenant.pushed:
        statuses = tenant.team.statuses(sha)
        state = statuses[-1]["state"] if statuses else "none"
        if state in ("pending", "none"):
            wrong.append(f"{tenant.team.namespace}: {sha[:7]} has the status {state}")
    if newest and (last := tenant.team.statuses(newest[0])) and last[-1]["state"] != "success":
        wrong.append(f"{tenant.team.namespace}: the newest commit says {last[-1]['description']}")
    return wrong


def differences(wanted: Any, live: Any, path: str = "") -> list[str]:
    """Say where a live value lacks what is wanted of it; more than that is its own."""
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        return [d for key in wanted for d in differences(wanted[key], live.get(key), f"{path}.{key}")]
    if isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        pairs = enumerate(zip(wanted, live, strict=True))
        return [d for place, (w, has) in pairs for d in differences(w, has, f"{path}[{place}]")]
    return [] if wanted == live else [f"has {path[1:]}={live!r}, not {wanted!r}"]


def _live(client: Client, namespace: str) -> Iterable[tuple[tuple[str, str], Mapping[str, Any]]]:
    for group, version, kind in _KINDS:
        resource = client.resource(ObjectRef(group, version, kind, namespace, ""))
        for obj in client.list(resource, namespace=namespace)[0]:
            key = (kind, obj["metadata"]["name"])
            if key not in _NOT_OURS:
                yield key, obj


def _not_ready(tenant: Tenant, path: str) -> str:
    obj = tenant.team.applied(path)
    newest = tenant.pushed[-1]
    ready = conditions.find(conditions.of(obj), "Ready") or {}
    applied = str((obj.get("status") or {}).get("lastAppliedRevision", ""))
    if ready.get("status") == "True" and applied.endswith(newest):
        return ""
    says = f"Ready={ready.get('status')}: {ready.get('message')}"
    return f"{tenant.team.namespace}/{path} is at {applied[-40:-33]}, not {newest[:7]}; {says}"
