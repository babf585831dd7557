# SPDX-License-Identifier: Apache-2.0
"""What `fairway up` needs of the cluster first: our kinds, our namespace, and nobody else at it."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from policies.clock import parse
from policies.errors import SettingsError
from policies.kinds import GitRepository, Kustomization, RepositoryBinding
from policies.kinds.crd import document
from policies.objects import ObjectRef
from workers.cluster import Client, NotFound

OWNED = (GitRepository, Kustomization)
_LEASES = ("kustomize-controller-leader-election", "source-controller-leader-election")
_ESTABLISHED_TIMEOUT = 30.0  # seconds


def refuse_if_flux_leads(client: Client) -> None:
    """Raise SettingsError when a Flux controller holds its Lease: two must not reconcile the same objects."""
    for name in _LEASES:
        lease = client.find(ObjectRef("coordination.k8s.io", "v1", "Lease", "flux-system", name))
        spec = (lease or {}).get("spec") or {}
        if not spec.get("holderIdentity") or not spec.get("renewTime"):
            continue
        age = (datetime.now(UTC) - parse(spec["renewTime"])).total_seconds()
        if age < spec.get("leaseDurationSeconds", 15):
            raise SettingsError(
                f"Flux reconciles this cluster: {spec['holderIdentity']} holds the Lease flux-system/{name}",
                remedy="scale it down first: kubectl -n flux-system scale deploy"
                " kustomize-controller source-controller --replicas 0",
            )


def prepare(client: Client, namespace: str) -> list[str]:
    """Create our namespace and the kinds that are missing; returns what was created.

    A kind that is there stays as it is: it is Flux's own, or a newer one.
    """
    made = []
    if client.find(ObjectRef("", "v1", "Namespace", "", namespace)) is None:
        client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        made.append(f"Namespace {namespace}")
    for kind in (*OWNED, RepositoryBinding):
        crd = document(kind)
        if client.find(ObjectRef.of(crd)) is None:
            client.create(crd)
            made.append(f"CustomResourceDefinition {crd['metadata']['name']}")
    _wait_until_served(client)
    return made


def _wait_until_served(client: Client) -> None:
    deadline = time.monotonic() + _ESTABLISHED_TIMEOUT
    for kind in (*OWNED, RepositoryBinding):
        about = kind.definition
        while True:
            try:
                client.discovery.resource(about.group, about.version, about.kind)
                break
            except NotFound:
                if time.monotonic() > deadline:
                    raise SettingsError(
                        f"{about.plural}.{about.group} is not served by the API server"
                    ) from None
                time.sleep(0.1)
