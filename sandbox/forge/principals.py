# SPDX-License-Identifier: Apache-2.0
"""Who is asking: an App by its JWT, an installation by its token, a person by a token or password, or nobody.

The rules for JWTs are GitHub's: RS256 only, `iat` not in the future, `exp` at most ten minutes ahead.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from dataclasses import dataclass

import jwt

from sandbox.forge import accounts
from sandbox.forge.errors import ApiError, bad_credentials, not_found, not_permitted
from sandbox.forge.store import Row, Store, digest

_LONGEST_JWT = 600
# GitHub lets clocks differ by this much.
_LEEWAY = 60
_UNDECODABLE = "A JSON web token could not be decoded"


@dataclass(frozen=True)
class Principal:
    """Whoever sent a request: at most one of the three is set."""

    app: Row | None = None
    installation: Row | None = None
    user: Row | None = None
    permissions: dict[str, str] | None = None
    repository_ids: frozenset[int] | None = None

    @property
    def key(self) -> str | None:
        """Name the caller for its rate limit; None without credentials."""
        for kind, row in (("app", self.app), ("installation", self.installation), ("user", self.user)):
            if row is not None:
                return f"{kind}:{row['id']}"
        return None

    def account(self, store: Store) -> Row:
        """Return the account that what this caller does is signed with: the person's, or the App's bot."""
        if self.user is not None:
            return self.user
        if self.installation is None:
            raise bad_credentials()
        return store.row("accounts", store.row("apps", self.installation["app_id"])["bot_id"])

    def covers(self, store: Store, repo: Row) -> bool:
        """Say whether this is an installation token that was given for the repository."""
        if self.installation is None or (
            self.repository_ids is not None and repo["id"] not in self.repository_ids
        ):
            return False
        return accounts.covers(store, self.installation, repo["id"])

    def sees(self, store: Store, repo: Row) -> bool:
        """Say whether the repository exists as far as this caller may know."""
        if not repo["private"]:
            return True
        if self.user is not None:
            return accounts.access(store, self.user["id"], repo) > 0
        return self.covers(store, repo)

    def granted(self, permission: str) -> int:
        """Return how far an installation token goes in a part of a repository: 0, or one of `LEVELS`."""
        return accounts.LEVELS.get((self.permissions or {}).get(permission, ""), 0)

    def require(
        self, store: Store, repo: Row, permission: str, level: str, *, person: str | None = None
    ) -> None:
        """Raise GitHub's answer unless the caller may read or write this part of the repository.

        A person needs that level of access, or the one named by `person`.
        """
        if not self.sees(store, repo):
            raise not_found()
        if self.installation is not None:
            enough = self.covers(store, repo) and self.granted(permission) >= accounts.LEVELS[level]
            # What is public can be read without the permission.
            if not enough and (level != "read" or repo["private"]):
                raise not_permitted(permission, level)
        elif level != "read":
            if self.user is None:
                raise not_found() if self.app is None else bad_credentials()
            needed = person or level
            if accounts.access(store, self.user["id"], repo) < accounts.LEVELS[needed]:
                raise ApiError(403, f"Must have {needed} access to repository.")


NOBODY = Principal()


def from_header(store: Store, header: str | None) -> Principal:
    """Return who an `Authorization` header of the API stands for; raise 401 when it is not good."""
    if not header:
        return NOBODY
    scheme, _, value = header.partition(" ")
    value = value.strip()
    match scheme.lower():
        case "bearer" if value.count(".") == 2:
            return Principal(app=_app(store, value))
        case "bearer" | "token":
            found = from_secret(store, value)
        case "basic":
            found = from_basic(store, value)
        case _:
            raise bad_credentials()
    if found is None:
        raise bad_credentials()
    return found


def from_basic(store: Store, value: str) -> Principal | None:
    """Return who basic credentials stand for: the secret decides, the name must fit it."""
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    # A token may also stand in for the name, with nothing (or `x-oauth-basic`) behind it.
    found = from_secret(store, secret) or from_secret(store, name)
    if found is None or found.user is None:
        return found
    fits = name.lower() == found.user["login"].lower() or secret in ("", "x-oauth-basic")
    return found if fits else None


def from_secret(store: Store, secret: str) -> Principal | None:
    """Return whose token or password this is, or None."""
    token = store.one("SELECT * FROM installation_tokens WHERE digest = ?", digest(secret))
    if token is not None:
        installed = accounts.installation(store, token["installation_id"])
        if installed is None or token["expires_at"] <= time.time():
            return None
        chosen = json.loads(token["repository_ids"] or "null")
        narrowed = frozenset(chosen) if chosen is not None else None
        permissions = _still_granted(json.loads(token["permissions"]), json.loads(installed["permissions"]))
        return Principal(installation=installed, permissions=permissions, repository_ids=narrowed)
    user = store.one(
        "SELECT a.* FROM credentials c JOIN accounts a ON a.id = c.account_id WHERE digest = ?",
        digest(secret),
    )
    return Principal(user=user) if user is not None else None


def _still_granted(given: dict[str, str], granted: dict[str, str]) -> dict[str, str]:
    """Return a token's permissions without those that the installation has lost since."""
    levels = accounts.LEVELS
    return {
        name: min(level, granted[name], key=lambda one: levels[one])
        for name, level in given.items()
        if name in granted
    }


def _app(store: Store, token: str) -> Row:
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        raise ApiError(401, _UNDECODABLE) from None
    issuer = str(claims.get("iss", ""))
    app = store.one("SELECT * FROM apps WHERE client_id = ? OR CAST(id AS TEXT) = ?", issuer, issuer)
    if not issuer:
        raise ApiError(401, "'Issuer' claim ('iss') must be an Integer")
    if app is None:
        raise ApiError(404, "Integration not found")
    if not any(
        _signed_with(token, row[0])
        for row in store.all("SELECT public_key FROM app_keys WHERE app_id = ?", app["id"])
    ):
        raise ApiError(401, _UNDECODABLE)
    _check_times(claims.get("iat"), claims.get("exp"))
    return app


def _signed_with(token: str, public_key: str) -> bool:
    unchecked = {f"verify_{claim}": False for claim in ("exp", "iat", "nbf", "aud", "iss", "sub", "jti")}
    try:
        jwt.decode(token, public_key, algorithms=["RS256"], options=unchecked)  # type: ignore[arg-type]
    except jwt.PyJWTError:
        return False
    return True


def _check_times(issued: object, expires: object) -> None:
    now = time.time()
    if not isinstance(issued, int | float) or issued > now + _LEEWAY:
        what = "must be an Integer representing the time that the assertion was issued"
        raise ApiError(401, f"'Issued at' claim ('iat') {what}")
    if not isinstance(expires, int | float) or expires <= now:
        what = "must be a numeric value representing the future time at which the assertion expires"
        raise ApiError(401, f"'Expiration time' claim ('exp') {what}")
    if expires > now + _LONGEST_JWT + _LEEWAY:
        raise ApiError(401, "'Expiration time' claim ('exp') is too far in the future")
