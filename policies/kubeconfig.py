# SPDX-License-Identifier: Apache-2.0
"""Read a kubeconfig that came from a cluster: what to connect to, and as whom.

Whoever may write the Secret writes the kubeconfig, so it is input and nothing more: no program is run and no
file is opened. As in Flux, of the current context only the server, its TLS data, the
proxy and the credentials count; a namespace and an impersonation in it do not.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from policies.errors import FairwayError

DEFAULT_KEYS = ("value", "value.yaml")
# Another place for the same credential: the field that holds the data itself.
_FILES = {
    "certificate-authority": "certificate-authority-data",
    "client-certificate": "client-certificate-data",
    "client-key": "client-key-data",
    "tokenFile": "token",
}


class KubeconfigError(FairwayError):
    """A kubeconfig, or what refers to it, cannot be used; the text holds none of its values."""

    reason = "ReconciliationFailed"


@dataclass(frozen=True)
class Access:
    """How to reach an API server and who to be there; PEM data as text, empty where there is none."""

    server: str
    ca: str = ""
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    tls_server_name: str = ""
    insecure: bool = False
    proxy_url: str = field(default="", repr=False)


def choose(data: Mapping[str, Any], key: str | None, secret: str) -> Any:
    """Return the entry of a Secret's data with the kubeconfig; `secret` is its namespace/name.

    Raises KubeconfigError in Flux's words when there is none.
    """
    for name in (key,) if key else DEFAULT_KEYS:
        if name in data:
            return data[name]
    raise KubeconfigError(
        f"KubeConfig secret '{secret}' does not contain a '{key or DEFAULT_KEYS[0]}' key with a kubeconfig"
    )


def read(kubeconfig: Any) -> Access:
    """Read the current context of a kubeconfig; raises KubeconfigError naming the field.

    It comes as mappings, lists and texts, without any other type.
    """
    config = _mapping(kubeconfig, "the kubeconfig")
    current = _text(config, "current-context", "current-context")
    if not current:
        raise KubeconfigError("no current-context is set", remedy="set it to the name of one of its contexts")
    context = _named(config, "contexts", "context", current)
    if context is None:
        raise KubeconfigError(f"context was not found for specified context: {current}")
    cluster = _referred(config, context, current, "cluster")
    user = _referred(config, context, current, "user")
    _refuse_files(cluster)
    _refuse_files(user)
    certificate, key = _pem(user, "client-certificate-data"), _pem(user, "client-key-data")
    if bool(certificate) != bool(key):
        raise KubeconfigError("client-certificate-data and client-key-data go together: set both or neither")
    access = Access(
        server="",
        ca=_pem(cluster, "certificate-authority-data"),
        certificate=certificate,
        key=key,
        token=_header(user, "token"),
        username=_header(user, "username"),
        password=_header(user, "password"),
        tls_server_name=_text(cluster, "tls-server-name"),
        insecure=_text(cluster, "insecure-skip-tls-verify") == "true",
        proxy_url=_proxy(cluster),
    )
    _check_credentials(access, user)
    return Access(**{**vars(access), "server": _server(cluster, access)})


def _check_credentials(access: Access, user: Mapping[str, Any]) -> None:
    if access.token and (access.username or access.password):
        raise KubeconfigError(
            "more than one authentication method found for the user; found [token basicAuth], only one is"
            " allowed"
        )
    if access.token or access.username or access.certificate:
        return  # as in Flux, the plugins are left out then
    for plugin in ("exec", "auth-provider"):
        if user.get(plugin) is not None:
            raise KubeconfigError(
                f"the user logs in with {plugin}, and Fairway runs no program that a kubeconfig names",
                remedy="give the user a token, or client-certificate-data and client-key-data",
            )


def _server(cluster: Mapping[str, Any], access: Access) -> str:
    server = _text(cluster, "server")
    if not server:
        raise KubeconfigError("the cluster has no server", remedy="set it to the API server's address")
    if "://" not in server:
        secure = access.ca or access.certificate or access.insecure
        server = f"{'https' if secure else 'http'}://{server}"
    return address(server, "server", schemes=("https", "http"))


def address(url: str, what: str, *, schemes: tuple[str, ...]) -> str:
    """Check the address of an API server or proxy; raises KubeconfigError that names `what`."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or not url.isprintable() or " " in url:
        raise KubeconfigError(f"{what} is no address", remedy="write it like https://host:6443")
    if parts.scheme not in schemes:
        raise KubeconfigError(f"{what} is {parts.scheme}, which is not served: use {' or '.join(schemes)}")
    if what == "server" and (parts.username is not None or parts.query or parts.fragment):
        raise KubeconfigError("server holds more than scheme, host and path", remedy="leave the rest out")
    return url.rstrip("/")


def _proxy(cluster: Mapping[str, Any]) -> str:
    url = _text(cluster, "proxy-url")
    return address(url, "proxy-url", schemes=("http", "https")) if url else ""


def _refuse_files(part: Mapping[str, Any]) -> None:
    for name, instead in _FILES.items():
        if part.get(name) is not None and not (name == "tokenFile" and part.get("token")):
            raise KubeconfigError(
                f"{name} names a file, and a kubeconfig in a cluster has none", remedy=f"use {instead}"
            )


def _referred(config: Mapping[str, Any], context: Mapping[str, Any], current: str, what: str) -> Any:
    name = _text(context, what)
    if not name and what == "user":
        return {}
    found = _named(config, f"{what}s", what, name)
    if found is None:
        raise KubeconfigError(f'{what} "{name}" was not found for context "{current}"')
    return found


def _named(config: Mapping[str, Any], entries: str, what: str, name: str) -> Mapping[str, Any] | None:
    found = config.get(entries) or []
    if not isinstance(found, list):
        raise KubeconfigError(f"{entries} is no list")
    for entry in found:
        if isinstance(entry, dict) and entry.get("name") == name:
            return _mapping(entry.get(what) or {}, f"{entries}[].{what}")
    return None


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise KubeconfigError(f"{what} is no mapping of fields")
    return value


def _text(part: Mapping[str, Any], name: str, what: str = "") -> str:
    value = part.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise KubeconfigError(f"{what or name} is no text")
    return value


def _header(part: Mapping[str, Any], name: str) -> str:
    value = _text(part, name)
    if not value.isprintable():
        raise KubeconfigError(f"{name} holds a line break or a control character", remedy="take it out")
    return value


def _pem(part: Mapping[str, Any], name: str) -> str:
    try:
        value = base64.b64decode("".join(_text(part, name).split()), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise KubeconfigError(f"{name} is not base64 of PEM data") from None
    if value and "-----BEGIN " not in value:
        raise KubeconfigError(f"{name} is not base64 of PEM data")
    return value
