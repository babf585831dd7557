# SPDX-License-Identifier: Apache-2.0
"""The keys of a Kustomization: the entries of the Secret it names, or of the one all may fall back to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from policies import decryption
from policies.errors import FairwayError
from policies.objects import Object, ObjectRef
from policies.settings import Settings
from workers.cluster import ApiError, Client


class KeysUnavailable(FairwayError):
    """The Secret with the keys cannot be read."""

    reason = "BuildFailed"


@dataclass(frozen=True, slots=True)
class Keys:
    """The entries, in base64 as in the Secret, and what an error calls that Secret."""

    entries: Mapping[str, str] = field(default_factory=dict, repr=False)
    source: str = "sops decryption Secret"

    @property
    def ask_others(self) -> bool:
        """Whether a key service may be asked with them."""
        return any(decryption.is_service(entry) for entry in self.entries)


def keys_of(client: Client, obj: Object, settings: Settings) -> Keys | None:
    """Return the keys, None when nothing is to be decrypted; raises KeysUnavailable with Flux's text.

    They are read anew for each run, and kept by nobody after it.
    """
    if not decryption.wanted(obj["spec"]):
        return None
    if name := decryption.secret_ref(obj["spec"]):
        return _read(client, obj["metadata"]["namespace"], name, what="decryption Secret")
    if settings.sops_age_secret:
        return _read(
            client,
            settings.namespace,
            settings.sops_age_secret,
            what="SOPS age decryption Secret",
            age_only=True,
        )
    return Keys()


def _read(client: Client, namespace: str, name: str, *, what: str, age_only: bool = False) -> Keys:
    source = f"{decryption.SOPS} {what} '{namespace}/{name}'"
    try:
        secret = client.find(ObjectRef("", "v1", "Secret", namespace, name))
    except ApiError as error:
        raise KeysUnavailable(f"cannot get {source}: {error.message}") from error
    if secret is None:
        raise KeysUnavailable(f'secrets "{name}" not found')
    data = secret.get("data") or {}
    return Keys({n: v for n, v in data.items() if decryption.is_key(n, age_only=age_only)}, source)
