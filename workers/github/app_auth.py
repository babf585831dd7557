# SPDX-License-Identifier: Apache-2.0
"""Who Fairway is on GitHub: the App by a JWT, and on a repository by an installation token.

A token is asked for one repository and what it is needed for, lives in memory only, and is used until five
minutes before it ends. The private key is parsed once: doing it per JWT would cost 37 ms each time.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from policies.budget import Urgency
from policies.errors import SettingsError
from policies.github.permissions import within
from workers.github.errors import Invalid, permission_missing

# One request to GitHub: method, path, what it is for, JSON body, urgency → JSON answer. Raises GitHubError.
Call = Callable[[str, str, str, Mapping[str, Any] | None, Urgency], Any]

_JWT_LIFETIME = timedelta(minutes=9)  # GitHub allows ten
_CLOCK_SKEW = timedelta(minutes=1)
_RENEW_BEFORE = timedelta(minutes=5)

STATUS_PERMISSIONS = {"statuses": "write", "contents": "read", "metadata": "read"}
READ_PERMISSIONS = {"contents": "read", "metadata": "read"}


def utc_now() -> datetime:
    return datetime.now(UTC)


class AppJwt:
    """Sign JWTs for an App; `issuer` is its id or client id. Raises SettingsError for a key that is none."""

    def __init__(self, issuer: str, private_key_pem: str, *, now: Callable[[], datetime] = utc_now) -> None:
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        self.issuer = issuer
        self._now = now
        try:
            key = load_pem_private_key(private_key_pem.encode(), password=None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, RSAPrivateKey):
            # The cause is left out on purpose: it could quote the key.
            raise SettingsError(
                "the GitHub App's private key is not an unencrypted RSA key in PEM form",
                remedy="point FAIRWAY_GITHUB_PRIVATE_KEY_FILE to the .pem file that GitHub gave you",
            ) from None
        self._key = key

    def __repr__(self) -> str:
        return f"AppJwt({self.issuer!r})"

    def encode(self) -> str:
        """Return a JWT that is good for nine minutes."""
        import jwt

        now = self._now()
        claims = {"iat": now - _CLOCK_SKEW, "exp": now + _JWT_LIFETIME, "iss": self.issuer}
        return jwt.encode(claims, self._key, algorithm="RS256")


@dataclass(frozen=True)
class Token:
    """An installation token and what it opens; its value never shows in a log."""

    value: str = field(repr=False)
    expires_at: datetime
    installation_id: int
    repository: str
    permissions: Mapping[str, str] = field(hash=False)


class InstallationTokens:
    """Hand out installation tokens, each for one repository; safe for threads.

    `call` sends a request as the App.
    """

    def __init__(self, call: Call, *, now: Callable[[], datetime] = utc_now) -> None:
        self._call = call
        self._now = now
        self._tokens: dict[tuple[int, str, str], Token] = {}
        # Tasks that need the same token at once wait for one request instead of sending many.
        self._locks: defaultdict[tuple[int, str, str], threading.Lock] = defaultdict(threading.Lock)

    def get(
        self,
        installation_id: int,
        repository: str,
        permissions: Mapping[str, str],
        urgency: Urgency = Urgency.ANSWER,
    ) -> Token:
        """Return a token for `owner/name` that lasts five minutes at least; raises GitHubError."""
        key = (installation_id, repository.lower(), json.dumps(permissions, sort_keys=True))
        with self._locks[key]:
            token = self._tokens.get(key)
            if token is None or token.expires_at - _RENEW_BEFORE <= self._now():
                token = self._tokens[key] = self._create(installation_id, repository, permissions, urgency)
            return token

    def forget(self, token: Token) -> None:
        """Drop a token that GitHub no longer takes."""
        for key, known in list(self._tokens.items()):
            if known == token:
                self._tokens.pop(key, None)

    def _create(
        self, installation_id: int, repository: str, permissions: Mapping[str, str], urgency: Urgency
    ) -> Token:
        path, what = f"/app/installations/{installation_id}", f"give the App a token for {repository}"
        body = {"repositories": [repository.partition("/")[2]], "permissions": dict(permissions)}
        try:
            answer = self._call("POST", f"{path}/access_tokens", what, body, urgency)
        except Invalid:
            # GitHub does not say which permission it misses, so we look.
            granted = self._call("GET", path, "show the App's installation", None, urgency)["permissions"]
            for name, level in sorted(permissions.items()):
                if not within({name: level}, granted):
                    raise permission_missing(what, f"{name}: {level}") from None
            raise
        expires = datetime.fromisoformat(answer["expires_at"])
        return Token(answer["token"], expires, installation_id, repository, dict(permissions))
