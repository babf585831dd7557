# SPDX-License-Identifier: Apache-2.0
"""Tokens of an issuer that prove who sends: OpenID Connect, by PyJWT, with the issuer's own keys.

An address of an issuer is a tenant's word: it is held to the rules for outside calls, and what it answers is
bounded in size and time. Keys are remembered for a minute, so that whoever sends cannot have us ask without
end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
import orjson
import urllib3
from jwt.types import Options

from policies.errors import FairwayError
from policies.kinds import Receiver
from policies.kinds.receiver import DEFAULT_AUDIENCE, OIDCProvider
from policies.receivers.delivery import Delivery, Malformed
from policies.receivers.senders import Refused
from workers.bounded import bounded_pools, cut
from workers.engine import Engine

GOOGLE_KEYS = "https://www.googleapis.com/oauth2/v3/certs"
_GOOGLE = ("accounts.google.com", "https://accounts.google.com")
_ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA"}
)
_STEP = 5.0  # seconds for one step of a call
_LARGEST = 1 << 20  # bytes of an answer
_REMEMBERED = 60.0  # seconds that an issuer's keys are good for
_AGAIN_AFTER = 5.0  # seconds after which a key that is not among them is looked for
_MOST = 256  # issuers that are remembered
_EARLY = 300.0  # seconds that a token may come before its time, as in Flux
_TIMEOUT = 10.0  # seconds for the expressions


@dataclass(frozen=True)
class _Keys:
    """An issuer's keys, the algorithms it signs by, and when that was asked."""

    keys: jwt.PyJWKSet
    algorithms: tuple[str, ...]
    asked: float


class Tokens:
    """Checks tokens for all threads of a process; `google_keys` is where Google tells its keys."""

    def __init__(
        self, engine: Callable[[], Engine], *, allow_loopback: bool, google_keys: str = GOOGLE_KEYS
    ) -> None:
        self._engine = engine
        self._google_keys = google_keys
        self._pool = urllib3.PoolManager(retries=False, num_pools=16)
        self._pool.pool_classes_by_scheme = bounded_pools(allow_loopback=allow_loopback, step=_STEP)
        self._lock = threading.Lock()
        self._known: dict[str, _Keys] = {}

    def claims(self, receiver: Receiver, authorization: str) -> dict[str, Any]:
        """Return the claims of a token that one of the providers lets in; raises Refused."""
        token = _bearer(authorization)
        issuer = _issuer(token)
        providers = {one.issuer_url: one for one in receiver.spec.oidc_providers or []}
        if issuer not in providers:
            raise Refused("the token's issuer is none of spec.oidcProviders")
        provider = providers[issuer]
        audience = provider.audience or DEFAULT_AUDIENCE
        claims = self._verified(token, issuer, audience, lambda: self._discover(issuer))
        claims = _with_gos_numbers(claims)
        self._judge(provider, claims)
        return claims

    def google(self, secret: Mapping[str, bytes], authorization: str) -> None:
        """See that a token is Google's for the account and audience in a Secret; raises Refused."""
        wanted = {name: secret.get(name, b"").decode(errors="replace") for name in ("email", "audience")}
        for name, value in wanted.items():
            if not value:
                raise Refused(f"the Secret of a gcr receiver needs {name!r}")
        token = _bearer(authorization)
        keys = self._google_keys
        claims = self._verified(token, keys, wanted["audience"], lambda: (keys, ("RS256", "ES256")))
        if claims.get("iss") not in _GOOGLE:
            raise Refused("the token was not issued by Google")
        if claims.get("email") != wanted["email"] or claims.get("email_verified") is not True:
            raise Refused("the token is for another account than the Secret's email, or not verified")

    def _verified(
        self, token: str, issuer: str, audience: str, where: Callable[[], tuple[str, tuple[str, ...]]]
    ) -> dict[str, Any]:
        """Return the claims of a token with a good signature, in its time and for the audience."""
        options: Options = {
            "require": ["exp", "iss", "aud"], "verify_iat": False, "verify_nbf": False, "verify_iss": False,
        }  # fmt: skip
        try:
            keys = self._keys_for(token, issuer, where)
            claims: dict[str, Any] = jwt.decode(
                token, _key(token, keys.keys), list(keys.algorithms), options, audience=audience
            )
        except (jwt.PyJWTError, KeyError) as error:
            why = "no such key" if isinstance(error, KeyError) else type(error).__name__
            raise Refused(f"the token does not hold ({why})") from None
        if isinstance(claims.get("nbf"), int | float) and claims["nbf"] > time.time() + _EARLY:
            raise Refused("the token is not good yet")
        return claims

    def _keys_for(self, token: str, issuer: str, where: Callable[[], tuple[str, tuple[str, ...]]]) -> _Keys:
        with self._lock:
            known = self._known.get(issuer)
        now = time.monotonic()
        if known is not None and now - known.asked < _REMEMBERED:
            fresh = now - known.asked < _AGAIN_AFTER
            if fresh or any(key.key_id == _header(token).get("kid") for key in known.keys.keys):
                return known
        address, algorithms = where()
        found = _Keys(jwt.PyJWKSet.from_dict(self._json(address)), algorithms, time.monotonic())
        with self._lock:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[issuer] = found
        return found

    def _discover(self, issuer: str) -> tuple[str, tuple[str, ...]]:
        about = self._json(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if about.get("issuer") != issuer:
            raise Refused(f"{issuer} says that it is another issuer")
        keys, offered = about.get("jwks_uri"), about.get("id_token_signing_alg_values_supported")
        if not isinstance(keys, str):
            raise Refused(f"{issuer} does not say where its keys are")
        supported = [one for one in offered or [] if one in _ALGORITHMS] if isinstance(offered, list) else []
        return keys, tuple(supported) or ("RS256",)

    def _json(self, url: str) -> dict[str, Any]:
        try:
            response = self._pool.request(
                "GET", url, redirect=False, preload_content=False, timeout=_STEP,
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            )  # fmt: skip
            try:
                with cut(response.connection, _STEP):
                    body = response.read(_LARGEST + 1, decode_content=False)
            finally:
                response.close()
            read = orjson.loads(body) if response.status == 200 and len(body) <= _LARGEST else None
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            why = error.message if isinstance(error, FairwayError) else type(error).__name__
            raise Refused(f"{url} was not read: {why}") from None
        if not isinstance(read, dict):
            raise Refused(f"{url} does not answer as an issuer does")
        return read

    def _judge(self, provider: OIDCProvider, claims: dict[str, Any]) -> None:
        variables = [(one.name, one.expression) for one in provider.variables or []]
        validations = [one.expression for one in provider.validations]
        found = self._engine().judge(variables, validations, claims, timeout=_TIMEOUT)
        names = [f"the variable {name}" for name, _ in variables]
        names += [f"the validation {one.message!r}" for one in provider.validations]
        for name, problem in zip(names, found.problems, strict=True):
            if problem:
                raise Refused(f"{name} cannot be read: {problem}")
        for name, answer in zip(names, found.answers, strict=True):
            if answer.error:
                raise Refused(f"{name} cannot be evaluated on this token")
        held = found.answers[len(variables) :]
        failed = [
            one.message for one, answer in zip(provider.validations, held, strict=True) if not answer.holds
        ]
        if failed:
            raise Refused(f"token validation failed: {'; '.join(failed)}")


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme != "Bearer" or not token.strip():
        raise Refused("the Authorization header has no bearer token")
    return token.strip()


def _issuer(token: str) -> str:
    """Return whose token it says it is: only to find the provider, before anything of it is believed."""
    try:
        found = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, RecursionError):
        raise Refused("the bearer token is no JWT") from None
    return str(found.get("iss", ""))


def _header(token: str) -> dict[str, Any]:
    return jwt.get_unverified_header(token)


def _key(token: str, keys: jwt.PyJWKSet) -> jwt.PyJWK:
    """Return the key that a token names; an issuer with one key need not name it. Raises KeyError."""
    named = _header(token).get("kid")
    if named is None and len(keys.keys) == 1:
        return keys.keys[0]
    return keys[str(named)]


def _with_gos_numbers(claims: dict[str, Any]) -> dict[str, Any]:
    """Return claims as Go decodes them, where every number is a fraction; raises Refused."""
    try:
        return Delivery(orjson.dumps(claims)).object()
    except (TypeError, Malformed):
        raise Refused("the token's claims are nested too deeply, or too large") from None
