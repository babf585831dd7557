# SPDX-License-Identifier: Apache-2.0
"""What an object's references come to: pull secrets, a cloud's login, certificates and a proxy.

Everything is read from the object's own namespace. Messages are Flux's where it has any.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote, urlsplit

from policies.objects import Object, ObjectRef
from policies.registry import pull_secrets
from policies.registry.clouds import NAMES, place_of
from policies.registry.pull_secrets import Entry
from workers.cluster import Client
from workers.registry.access import Access
from workers.registry.accounts import cloud_account, find_account
from workers.registry.clouds import CloudLogins
from workers.registry.errors import Unconfigured


@dataclass(frozen=True, slots=True)
class References:
    """The names in an ImageRepository's spec; an empty one is not set. The image is in `registry`.

    `default_account` is whose identity in a cloud is used where the spec names no account.
    """

    namespace: str
    secret: str = ""
    service_account: str = ""
    certificates: str = ""
    proxy: str = ""
    provider: str = "generic"
    registry: str = ""
    insecure: bool = False
    default_account: str = ""


def gather(client: Client, references: References, clouds: CloudLogins) -> Access:
    """Read all that is referred to, and log in at the cloud that is named.

    Raises Unconfigured, PullSecretInvalid, Misplaced, IdentityInvalid and ApiError.
    """
    authorities, certificate, key = _certificates(client, references)
    way = Access((), authorities, certificate, key, _proxy(client, references))
    if references.provider in NAMES:
        return replace(way, logins=(_cloud_login(client, references, clouds, way),))
    if references.provider not in ("", "generic"):
        raise Unconfigured(f"spec.provider '{references.provider}' is not known", remedy="set generic")
    logins = [*_own_logins(client, references), *_account_logins(client, references)]
    return replace(way, logins=tuple(logins))


def _cloud_login(client: Client, references: References, clouds: CloudLogins, way: Access) -> Entry:
    """As in Flux, a pull secret has no say beside a cloud."""
    place = place_of(references.provider, references.registry)
    name = references.service_account or references.default_account
    if not name and (references.insecure or way.authorities):
        # Whoever chooses authorities or leaves TLS out can play the registry, and would be given a login that
        # is good for all that Fairway may read there.
        field = "spec.insecure" if references.insecure else "ca.crt in spec.certSecretRef"
        raise Unconfigured(
            f"Fairway's own identity is not used with {field}: a login at {place} could be taken by anybody",
            remedy="leave it out, or log in as a service account of the namespace by spec.serviceAccountName",
        )
    account = cloud_account(client, place.provider, references.namespace, name) if name else None
    return Entry(references.registry, "", clouds.login(place, account, way))


def _own_logins(client: Client, references: References) -> list[Entry]:
    if not references.secret:
        return []
    return _logins(_secret(client, references.namespace, references.secret, "spec.secretRef"))


def _account_logins(client: Client, references: References) -> list[Entry]:
    if not references.service_account:
        return []
    name = f"{references.namespace}/{references.service_account}"
    account = find_account(client, references.namespace, references.service_account)
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
