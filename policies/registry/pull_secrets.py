# SPDX-License-Identifier: Apache-2.0
"""Pull secrets: which login of a Secret is for which image, as Kubernetes and Flux have it.

A key is a host, which may have stars in its parts, a port and the beginning of a path; the longest that fits
counts. Docker Hub has several names, of which each stands for all.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from policies.errors import FairwayError
from policies.registry.names import DOCKER_HUB, HUB_NAMES, Repository

_JSON, _CFG = "kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"
_KEYS = {_JSON: ".dockerconfigjson", _CFG: ".dockercfg"}
TYPES = frozenset(_KEYS)
_SCHEME = re.compile(r"https?://")
_VERSION = re.compile(r"/v[12](?=/)")


class PullSecretInvalid(FairwayError):
    """A pull secret does not hold what it should; nothing was sent."""

    reason = "AuthenticationFailed"


@dataclass(frozen=True, slots=True)
class Login:
    """A login; an identity token is exchanged for another, a registry token is sent as it is."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return what must not be seen, in each of its spellings."""
        basic = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        return tuple(
            filter(None, (self.password and basic, self.password, self.identity_token, self.registry_token))
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """A login and where it is for."""

    host: str
    path: str
    login: Login


def read(kind: str, data: Mapping[str, bytes], *, secret: str) -> list[Entry]:
    """Return the logins of a Secret of this type; `secret` is namespace/name. Raises PullSecretInvalid."""
    key = _KEYS.get(kind)
    if key is None:
        raise _invalid(secret, f"its type is {kind or 'not set'}", f"make it one of type {_JSON}")
    if not data.get(key):
        raise _invalid(secret, f"it has no {key}", "make it with `kubectl create secret docker-registry`")
    try:
        content = json.loads(data[key])
    except ValueError:
        raise _invalid(secret, f"its {key} is not JSON", "make the Secret anew") from None
    auths = content.get("auths", {}) if isinstance(content, dict) and kind == _JSON else content
    if not isinstance(auths, dict) or not all(isinstance(one, dict) for one in auths.values()):
        raise _invalid(secret, f"its {key} is no list of registries by their name", "make the Secret anew")
    return [_entry(name, fields, secret) for name, fields in auths.items()]


def login_for(entries: Iterable[Entry], repository: Repository) -> Login | None:
    """Return the login for a repository, or None; of several that fit the one with the most said of it."""
    fitting = [entry for entry in entries if entry.login != Login() and _fits(entry, repository)]
    # Of two with the same key the first one counts: a reference comes before a service account's.
    return max(fitting, key=lambda entry: (entry.host, entry.path)).login if fitting else None


def _entry(name: str, fields: Mapping[str, Any], secret: str) -> Entry:
    host, slash, rest = _SCHEME.sub("", name, count=1).partition("/")
    path = _VERSION.sub("", f"/{rest}", count=1) if slash else ""
    texts = {
        key: fields.get(key) or ""
        for key in ("username", "password", "auth", "identitytoken", "registrytoken")
    }
    if not all(isinstance(text, str) for text in texts.values()):
        raise _invalid(secret, f"what it says of {name} is no text", "make the Secret anew")
    if texts["auth"]:
        texts["username"], texts["password"] = _decoded(texts["auth"], name, secret)
    if any(char in "".join(texts.values()) for char in "\r\n\0"):
        raise _invalid(secret, f"what it says of {name} is more than one line", "make the Secret anew")
    login = Login(texts["username"], texts["password"], texts["identitytoken"], texts["registrytoken"])
    host = DOCKER_HUB if host.lower() in HUB_NAMES else host.lower()
    return Entry(host, "" if path == "/" else path, login)


def _decoded(text: str, name: str, secret: str) -> tuple[str, str]:
    stripped = text.strip().rstrip("=")
    try:
        pair = base64.b64decode(stripped + "=" * (-len(stripped) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        pair = ""
    username, colon, password = pair.partition(":")
    if not colon:
        problem = f"auth of {name} is not user:password in base64"
        raise _invalid(secret, problem, "make the Secret anew")
    return username, password.rstrip("\0")


def _fits(entry: Entry, repository: Repository) -> bool:
    if not f"/{repository.path}".startswith(entry.path):
        return False
    if repository.registry in HUB_NAMES and entry.host == DOCKER_HUB:
        return True
    host, port = _split(entry.host)
    wanted, wanted_port = _split(repository.registry)
    parts, wanted_parts = host.split("."), wanted.split(".")
    return (
        port == wanted_port and len(parts) == len(wanted_parts) and all(map(fnmatchcase, wanted_parts, parts))
    )


def _split(host: str) -> tuple[str, str]:
    name, colon, port = host.rpartition(":")
    # The brackets of an IPv6 address would be a pattern.
    return (name.strip("[]"), port) if colon and not port.endswith("]") else (host.strip("[]"), "")


def _invalid(secret: str, problem: str, remedy: str) -> PullSecretInvalid:
    return PullSecretInvalid(f"pull secret '{secret}' cannot be used: {problem}", remedy=remedy)
