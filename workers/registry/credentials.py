# SPDX-License-Identifier: Apache-2.0
"""What an object's references come to: pull secrets, a service account's, certificates and a proxy.

Everything is read from the object's own namespace. Messages are Flux's where it has any.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from policies.objects import Object, ObjectRef
from policies.registry import pull_secrets
from policies.registry.pull_secrets import Entry
from workers.cluster import Client
from workers.registry.access import Access
from workers.registry.errors import Unconfigured

_CLOUDS = {"aws": "Amazon ECR", "azure": "Azure Container Registry", "gcp": "Google Artifact Registry"}


@dataclass(frozen=True, slots=True)
class References:
    """The names in an ImageRepository's spec; an empty one is not set."""

    namespace: str
    secret: str = ""
    service_account: str = ""
    certificates: str = ""
    proxy: str = ""
    provider: str = "generic"


def gather(client: Client, references: References) -> Access:
    """Read all that is referred to; raises Unconfigured, PullSecretInvalid, and ApiError."""
    if cloud := _CLOUDS.get(references.provider):
        raise Unconfigured(
            f"spec.provider {references.provider} cannot be used: Fairway has no login at {cloud} yet",
            remedy="set provider generic, and a secretRef of type kubernetes.io/dockerconfigjson"
            " that something in the cluster renews",
        )
    if references.provider not in ("", "generic"):
        raise Unconfigured(f"spec.provider '{references.provider}' is not known", remedy="set generic")
    logins = [*_own_logins(client, references), *_account_logins(client, references)]
    authorities, certificate, key = _certificates(client, references)
    return Access(tuple(logins), authorities, certificate, key, _proxy(client, references))


def _own_logins(client: Client, references: References) -> list[Entry]:
    if not references.secret:
        return []
    return _logins(_secret(client, references.namespace, references.secret, "spec.secretRef"))


def _account_logins(client: Client, references: References) -> list[Entry]:
    if not references.service_account:
        return []
    name = f"{references.namespace}/{references.service_account}"
    account = client.find(
        ObjectRef("", "v1", "ServiceAccount", references.namespace, references.service_account)
    )
    if account is None:
        raise Unconfigured(
            f"serviceaccount '{name}' not found", remedy="create it, or correct spec.serviceAccountName"
        )
    found = []
    for reference in account.get("imagePullSecrets") or []:
        where = f"imagePullSecrets of serviceaccount '{name}'"
        secret = _secret(client, references.namespace, str(reference.get("name", "")), where)
        # A node leaves one of another type aside too.
        found += _logins(secret) if secret.get("type") in pull_secrets.TYPES else []
    return found


def _logins(secret: Object) -> list[Entry]:
    return pull_secrets.read(str(secret.get("type", "")), _data(secret), secret=_name(secret))


def _certificates(client: Client, references: References) -> tuple[str, str, str]:
    if not references.certificates:
        return "", "", ""
    secret = _secret(client, references.namespace, references.certificates, "spec.certSecretRef")
    data = _data(secret)
    # The names on the right are older ones, which Flux reads too.
    ca, certificate, key = (
        (data.get(name) or data.get(older, b"")).decode(errors="replace")
        for name, older in (("ca.crt", "caFile"), ("tls.crt", "certFile"), ("tls.key", "keyFile"))
    )
    if bool(certificate) != bool(key):
        raise _unusable(secret, "tls.crt and tls.key must be set together", "spec.certSecretRef")
    if not ca and not certificate:
        raise _unusable(secret, "it has neither ca.crt nor tls.crt and tls.key", "spec.certSecretRef")
    return ca, certificate, key


def _proxy(client: Client, references: References) -> str:
    if not references.proxy:
        return ""
    secret = _secret(client, references.namespace, references.proxy, "spec.proxySecretRef")
    data = _data(secret)
    try:
        address, username, password = (
            data.get(name, b"").decode().strip() for name in ("address", "username", "password")
        )
        parts = urlsplit(address)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise _unusable(secret, "its address is missing, or no http(s) URL", "spec.proxySecretRef")
    login = f"{quote(username, safe='')}:{quote(password, safe='')}@" if username or password else ""
    return parts._replace(netloc=login + parts.netloc.rpartition("@")[2], path="").geturl()


def _secret(client: Client, namespace: str, name: str, where: str) -> Object:
    found = client.find(ObjectRef("", "v1", "Secret", namespace, name))
    if found is None:
        raise Unconfigured(f"secret '{namespace}/{name}' not found", remedy=f"create it, or correct {where}")
    return found


def _data(secret: Object) -> Mapping[str, bytes]:
    try:
        return {key: base64.b64decode(text) for key, text in (secret.get("data") or {}).items()}
    except (binascii.Error, ValueError):
        raise _unusable(secret, "its data are not base64", "it") from None


def _name(secret: Object) -> str:
    return f"{secret['metadata']['namespace']}/{secret['metadata']['name']}"


def _unusable(secret: Object, problem: str, where: str) -> Unconfigured:
    return Unconfigured(f"secret '{_name(secret)}' cannot be used: {problem}", remedy=f"correct {where}")
