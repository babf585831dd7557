# SPDX-License-Identifier: Apache-2.0
"""Who asks a Git host: the credentials, and the identity that mirrors on disk are kept apart by.

Credentials never reach a command line, a file or a message: git gets them as configuration in its own
environment, certificates and keys as anonymous memory files.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, unquote, urlsplit

from workers.git.errors import InvalidCredentials, InvalidURL
from workers.git.ssh import Identity, identity_from_secret

_PORTS = {"http": 80, "https": 443, "ssh": 22}


@dataclass(frozen=True, slots=True)
class Auth:
    """Credentials for one Git host.

    `principal` says whose they are (a Secret's namespace, name and uid; an App's installation), never what
    they are: mirrors are shared by those who have URL and principal in common, also after a token was
    renewed.
    """

    principal: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    bearer: str = field(default="", repr=False)
    ca: bytes = field(default=b"", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)
    ssh: Identity | None = None
    proxy: str = field(default="", repr=False)  # a URL, with user and password where it asks for them

    def __post_init__(self) -> None:
        if self.bearer and (self.username or self.password):
            raise _unusable("basic auth and bearer token cannot be set at the same time")
        if any(char in self.username + self.password + self.bearer for char in "\r\n\0"):
            raise _unusable("username, password and bearerToken must be a single line")
        if self.password and not self.username:
            raise _unusable("invalid 'http' auth option: 'password' requires 'username' to be set")
        if bool(self.certificate) != bool(self.key):
            raise _unusable("tls.crt and tls.key must be set together")

    @property
    def header(self) -> str:
        """The Authorization header, empty when there are no credentials."""
        if self.bearer:
            return f"Authorization: Bearer {self.bearer}"
        if self.username or self.password:
            pair = b64encode(f"{self.username}:{self.password}".encode()).decode()
            return f"Authorization: Basic {pair}"
        return ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Everything that must not be seen, in each of its spellings."""
        proxy = unquote(urlsplit(self.proxy).password or "")
        return tuple(filter(None, (self.password, self.bearer, self.header.rpartition(" ")[2], proxy)))


ANONYMOUS = Auth()


def app_token(token: str, *, principal: str) -> Auth:
    """Return the credentials that a GitHub App's installation token stands for."""
    return Auth(principal, username="x-access-token", password=token)


def from_secret(data: Mapping[str, bytes], *, url: str, principal: str) -> Auth:
    """Read a GitRepository's Secret as source-controller does.

    A bearerToken comes before username and password, ca.crt before caFile, and what the Secret leaves out
    is taken from the URL. Raises InvalidCredentials.
    """
    parts = split_url(url)
    if parts.scheme == "ssh":
        return Auth(principal, ssh=identity_from_secret(data))
    try:
        text = {key: data.get(key, b"").decode() for key in ("username", "password", "bearerToken")}
    except UnicodeDecodeError:
        raise _unusable("username, password and bearerToken must be UTF-8 text") from None
    username, password = text["username"], text["password"]
    if "bearerToken" in data:
        username, password = "", ""
    return Auth(
        principal,
        username=username or unquote(parts.username or ""),
        password=password or unquote(parts.password or ""),
        bearer=text["bearerToken"],
        ca=data.get("ca.crt") or data.get("caFile", b""),
        certificate=data.get("tls.crt", b""),
        key=data.get("tls.key", b""),
    )


def proxy_from_secret(data: Mapping[str, bytes], *, secret: str) -> str:
    """Return the URL of the proxy that a Secret names, as source-controller reads it.

    Raises InvalidCredentials; `secret` is namespace/name.
    """
    address = data.get("address", b"").decode(errors="replace").strip()
    try:
        parts = urlsplit(address)
        valid = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port)
    except ValueError:
        valid = False
    if not valid:
        raise InvalidCredentials(
            f"failed to configure proxy options: invalid proxy secret '{secret}': key 'address' is missing"
            " or is no http(s) URL",
            remedy="correct the Secret in spec.proxySecretRef",
        )
    username, password = (quote(data.get(key, b"").decode(), safe="") for key in ("username", "password"))
    login = f"{username}:{password}@" if username else ""
    return parts._replace(netloc=login + parts.netloc.rpartition("@")[2]).geturl()


def split_url(url: str) -> SplitResult:
    """Take a repository's URL apart; raises InvalidURL when it is none that Git can be asked at."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidURL(f"failed to parse url '{url}': {error}", remedy="correct spec.url") from error
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise InvalidURL(
            f"failed to parse url '{url.rpartition('@')[2]}': it must begin with http(s):// or ssh://"
            " and name a host",
            remedy="correct spec.url",
        )
    return parts


def bare_url(url: str) -> str:
    """Return the URL without user, password and fragment: what may be shown, logged and given to git.

    The user of an ssh URL stays: it is part of the address, and no secret.
    """
    parts = split_url(url)
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme == "ssh":
        host = f"{parts.username or 'git'}@{host}"
    return parts._replace(netloc=host, fragment="").geturl()


def endpoint(url: str) -> tuple[str, int]:
    """Return the host and port that a URL leads to."""
    parts = split_url(url)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]


def _unusable(problem: str) -> InvalidCredentials:
    return InvalidCredentials(
        f"failed to configure authentication options: {problem}",
        remedy="correct the Secret in spec.secretRef",
    )
