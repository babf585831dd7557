# SPDX-License-Identifier: Apache-2.0
"""In which versions the ConfigMaps and Secrets are that a Kustomization is made with."""

from __future__ import annotations

from policies.config_refs import config_refs
from policies.objects import Object
from workers.cluster import Client


def versions(client: Client, obj: Object) -> list[str]:
    """Return a text for each of them, which changes when it does; raises ApiError."""
    found = [(ref, client.find(ref)) for ref in sorted(config_refs(obj), key=str)]
    return [f"{ref} {live['metadata']['resourceVersion'] if live else 'missing'}" for ref, live in found]
