# SPDX-License-Identifier: Apache-2.0
"""What a registry can answer instead of what was asked for.

RegistryError
├── AccessDenied        it does not accept the login, or asks for one
├── NotThere            no such repository, tag or digest, or not for this login
├── Limited             ask again after `retry_at`: it said so, or our own budget for its host does
├── RegistryFailed      5xx; `retry_at` is when it wants to be asked again, if it said so
├── Unreachable         no connection: DNS, refused, reset
│   ├── TooSlow         the time for it was over
│   └── Untrusted       TLS could not be verified
├── ForbiddenAddress    the name leads to loopback, or to a cloud's metadata
├── Untruthful          what it says cannot be: another digest, a list without end, no JSON
│   └── TooLarge        more bytes than anything of the kind has
└── Unconfigured        a Secret or account that is named is not there, or does not hold what it should

Reasons are image-reflector-controller's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime

from policies.errors import FairwayError

_LONGEST = 200


class RegistryError(FairwayError):
    """Say which registry was asked for what, and what came of it."""

    reason = "ReadOperationFailed"


class AccessDenied(RegistryError):
    pass


class NotThere(RegistryError):
    pass


class Limited(RegistryError):
    """`retry_at` is when to ask again."""

    def __init__(self, message: str, *, retry_at: datetime) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class RegistryFailed(RegistryError):
    """`retry_at` is when the registry wants to be asked again, None when it did not say."""

    def __init__(self, message: str, *, retry_at: datetime | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class Unreachable(RegistryError):
    pass


class TooSlow(Unreachable):
    pass


class Untrusted(Unreachable):
    pass


class ForbiddenAddress(RegistryError):
    retryable = False


class Untruthful(RegistryError):
    pass


class TooLarge(Untruthful):
    pass


class Unconfigured(RegistryError):
    reason = "AuthenticationFailed"


def from_status(
    what: str, status: int, body: bytes, *, retry_at: float | None, secrets: Iterable[str] = ()
) -> RegistryError:
    """Return the error for an answer; `what` reads like "registry ghcr.io, acme/web: cannot list the tags".

    `retry_at` is in seconds since the epoch; what it says of itself is shown without the secrets.
    """
    said = _said(body, secrets)
    detail = f"{said} ({status})" if said else str(status)
    when = None if retry_at is None else datetime.fromtimestamp(retry_at, UTC)
    match status:
        case 401 | 403:
            remedy = "check spec.secretRef, that its login is for this host, and that it may pull"
            return AccessDenied(f"{what}: access denied, {detail}", remedy=remedy)
        case 404:
            remedy = "check spec.image; a registry also answers so when the login may not see it"
            return NotThere(f"{what}: not found, {detail}", remedy=remedy)
        case 407:
            remedy = "check username and password in spec.proxySecretRef"
            return AccessDenied(f"{what}: the proxy did not accept the login, {detail}", remedy=remedy)
        case 429 if when is not None:
            return Limited(f"{what}: too many requests, {detail}", retry_at=when)
        case _ if status >= 500:
            return RegistryFailed(f"{what}: the registry failed, {detail}", retry_at=when)
        case _:
            return RegistryError(f"{what}: the registry refused, {detail}")


def printable(text: str, longest: int = _LONGEST) -> str:
    """Return a foreign text as one line that cannot do anything to a terminal."""
    shown = "".join(char if char.isprintable() else " " for char in text[: longest * 2])
    return " ".join(shown.split())[:longest]


def _said(body: bytes, secrets: Iterable[str]) -> str:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    errors = content.get("errors") if isinstance(content, dict) else None
    if not isinstance(errors, list):
        errors = [content]
    found = []
    for error in errors[:3]:
        if isinstance(error, dict):
            words = (error.get(name) for name in ("code", "message", "details", "detail"))
            found.append(": ".join([word for word in words if isinstance(word, str) and word][:2]))
    text = "; ".join(filter(None, found))
    for secret in secrets:
        text = text.replace(secret, "***")
    return printable(text)
