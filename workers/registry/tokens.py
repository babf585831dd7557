# SPDX-License-Identifier: Apache-2.0
"""Log in as a registry asks for it: with name and password, or with a token of its token server.

A token is asked for to pull from one repository, whatever scope the registry would like, and kept in memory
until it has nearly expired.
"""

from __future__ import annotations

import base64
import threading
import time
from collections import OrderedDict
from urllib.parse import urlencode, urlsplit

from policies.registry import challenges
from policies.registry.challenges import Challenge
from policies.registry.pull_secrets import Login
from workers.registry import errors
from workers.registry.transport import Answer, Request, Transport

_MOST_TOKENS = 2000
_MOST_CHALLENGES = 1000
_LARGEST = 2**20  # bytes of a token server's answer
_CLIENT = "fairway"
_Key = tuple[str, str, str, Login | None]


class Refused(errors.RegistryError):
    """A token server did not answer with a token; `answer` is what it said."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"the token server answered {answer.status}")
        self.answer = answer


class Tokens:
    """Know how each registry wants to be logged in to, and tokens that are still good. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: OrderedDict[_Key, tuple[str, float]] = OrderedDict()
        self._challenges: OrderedDict[str, Challenge] = OrderedDict()

    def challenge(self, origin: str) -> Challenge | None:
        """Return how a registry wanted to be logged in to the last time, or None."""
        with self._lock:
            return self._challenges.get(origin)

    def learn(self, origin: str, challenge: Challenge) -> None:
        """Remember how a registry wants to be logged in to."""
        with self._lock:
            self._challenges[origin] = challenge
            self._challenges.move_to_end(origin)
            if len(self._challenges) > _MOST_CHALLENGES:
                self._challenges.popitem(last=False)

    def authorization(
        self,
        transport: Transport,
        challenge: Challenge,
        login: Login | None,
        scope: str,
        *,
        request: Request,
        renew: bool,
        deadline: float,
    ) -> str:
        """Return the header that meets a challenge; empty when there is no login and it wants one.

        `renew` asks for a new token whatever is kept. Raises Refused, and RegistryError.
        """
        if login is not None and login.registry_token:
            return f"Bearer {login.registry_token}"
        if challenge.scheme == "basic":
            return _basic(login) if login is not None and login.username else ""
        key = (challenge.realm, challenge.service, scope, login)
        with self._lock:
            known = self._tokens.get(key)
        if known is not None and not renew and time.monotonic() < known[1]:
            return f"Bearer {known[0]}"
        asked = time.monotonic()
        token = _fetch(transport, challenge, login, scope, request, deadline)
        with self._lock:
            self._tokens[key] = (token.text, asked + token.seconds)
            self._tokens.move_to_end(key)
            if len(self._tokens) > _MOST_TOKENS:
                self._tokens.popitem(last=False)
        return f"Bearer {token.text}"


def _fetch(
    transport: Transport,
    challenge: Challenge,
    login: Login | None,
    scope: str,
    request: Request,
    deadline: float,
) -> challenges.Token:
    realm = _checked_realm(challenge.realm, request)
    what = f"{request.what}: log in at {urlsplit(realm).netloc}"
    wanted = {"service": challenge.service, "scope": scope}
    if login is not None and login.identity_token:
        answer = _exchange(transport, realm, what, wanted, login, deadline)
    else:
        url = f"{realm}{'&' if '?' in realm else '?'}{urlencode({k: v for k, v in wanted.items() if v})}"
        basic = _basic(login) if login is not None and login.username else ""
        asked = Request("GET", url, what, {}, _LARGEST, authorization=basic)
        answer = transport.send(asked, deadline=deadline)
    if answer.status != 200:
        raise Refused(answer)
    token = challenges.token(answer.json(what))
    if token is None:
        raise errors.Untruthful(f"{what}: its answer has no token that can be used")
    return token


def _exchange(
    transport: Transport, realm: str, what: str, wanted: dict[str, str], login: Login, deadline: float
) -> Answer:
    form = {
        "grant_type": "refresh_token",
        "client_id": _CLIENT,
        "refresh_token": login.identity_token,
        **wanted,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    asked = Request("POST", realm, what, headers, _LARGEST, urlencode(form).encode())
    return transport.send(asked, deadline=deadline)


def _checked_realm(realm: str, request: Request) -> str:
    try:
        parts = urlsplit(realm)
        named = parts.scheme in ("http", "https") and parts.hostname and parts.username is None
    except ValueError:
        named = False
    if not named:
        raise errors.Untruthful(f"{request.what}: it names no token server that can be asked")
    if parts.scheme == "http" and request.url.startswith("https:"):
        raise errors.Untruthful(
            f"{request.what}: it wants the login to be sent to {errors.printable(parts.netloc)} without TLS"
        )
    return realm.partition("#")[0]


def _basic(login: Login) -> str:
    return "Basic " + base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
