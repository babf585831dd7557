# SPDX-License-Identifier: Apache-2.0
"""One question to a registry: logged in as it asks for it, and within the account of its host."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from policies.registry import challenges, rates
from policies.registry.names import Repository, account_host, api_host
from policies.registry.pull_secrets import Login, login_for
from workers.registry import errors
from workers.registry.access import Access, account_of
from workers.registry.budget import Budget
from workers.registry.memory import Memory
from workers.registry.tokens import Refused, Tokens
from workers.registry.transport import Answer, Request, Transport, origin

_MOST_SCHEMES = 1000  # hosts
_SCHEME_HOLDS = 600.0  # seconds; a registry may get its certificate later
_LARGEST_PING = 2**20  # bytes


@dataclass(frozen=True)
class Way:
    """What is shared by all who ask by the same way: connections, tokens, and what is known of registries."""

    name: str
    transport: Transport
    tokens: Tokens = field(default_factory=Tokens)
    schemes: dict[str, tuple[str, float]] = field(default_factory=dict)


class Asking:
    """Ask about one repository as one login, before a deadline; what fails is a RegistryError."""

    def __init__(
        self,
        way: Way,
        repository: Repository,
        access: Access,
        *,
        budget: Budget,
        memory: Memory,
        deadline: float,
    ) -> None:
        self._way = way
        self._repository = repository
        self._budget = budget
        self._memory = memory
        self._deadline = deadline
        self._login: Login | None = login_for(access.logins, repository)
        self._account = account_of(self._login, access)
        self._host = api_host(repository.registry.lower())
        self._counted = account_host(repository.registry)

    def what(self, doing: str) -> str:
        """Return how an error begins."""
        return f"registry {self._repository.registry}, {self._repository.path}: cannot {doing}"

    def ask(
        self,
        method: str,
        path: str,
        doing: str,
        largest: int,
        *,
        accept: str = "",
        pulls: int = 0,
        conditional: bool = False,
    ) -> Answer:
        """Ask at a path, or at the URL of a next page, within the budget."""
        what = self.what(doing)
        url = path if "://" in path else f"{self._origin()}{path}"
        known = self._memory.get(url, self._account) if conditional else None
        headers = {"Accept": accept} if accept else {}
        if known is not None:
            headers["If-None-Match"] = known[0]
        answer = self._logged_in(Request(method, url, what, headers, largest), pulls)
        if known is not None and answer.status == 304:
            self._budget.heard(self._counted, self._account, answer.headers)
            return replace(answer, status=200, body=known[1], headers=_without_link(answer.headers))
        if answer.status != 200:
            raise self._failed(what, answer)
        self._budget.heard(self._counted, self._account, answer.headers)
        # Of a list that goes on, the first page would stay the same while the others change.
        if conditional and (etag := answer.headers.get("etag")) and "link" not in answer.headers:
            self._memory.keep(url, self._account, etag, answer.body)
        return answer

    def _logged_in(self, request: Request, pulls: int) -> Answer:
        tokens, scope = self._way.tokens, f"repository:{self._repository.path}:pull"
        place = "://".join(origin(request.url))
        foreign = place != self._origin()  # the rest of a list that the registry keeps elsewhere
        challenge = None if foreign else tokens.challenge(place)
        authorization, renew = "", False
        for _ in range(3):
            if challenge is not None:
                try:
                    authorization = tokens.authorization(
                        self._way.transport, challenge, self._login, scope,
                        request=request, renew=renew, deadline=self._deadline,
                    )  # fmt: skip
                except Refused as error:
                    raise self._failed(f"{request.what}: log in", error.answer) from None
            self._budget.take(self._counted, self._account, request.what, pulls=pulls)
            answer = self._way.transport.send(
                replace(request, authorization=authorization), deadline=self._deadline
            )
            if answer.status != 401 or foreign:
                return answer
            wanted = challenges.chosen(answer.challenges)
            if (
                wanted is None
                or renew
                or (wanted.scheme == "basic" and (authorization or self._login is None))
            ):
                return answer
            tokens.learn(place, wanted)
            challenge, renew = wanted, bool(authorization)
        return answer

    def _failed(self, what: str, answer: Answer) -> errors.RegistryError:
        now = self._budget.now()
        retry_at = rates.retry_at(answer.headers, now=now)
        # What is refused or falls over under load is left alone by all scans, not only by this one.
        if answer.status == 429 or (answer.status == 503 and retry_at is not None):
            retry_at = self._budget.refused(self._counted, self._account, retry_at)
        secrets = self._login.secrets if self._login else ()
        return errors.from_status(what, answer.status, answer.body, retry_at=retry_at, secrets=secrets)

    def _origin(self) -> str:
        if not self._repository.may_be_plain:
            return f"https://{self._host}"
        scheme, until = self._way.schemes.get(self._host, ("", 0.0))
        if time.monotonic() >= until:
            if len(self._way.schemes) >= _MOST_SCHEMES:
                self._way.schemes.clear()
            scheme = self._found_scheme()
            self._way.schemes[self._host] = (scheme, time.monotonic() + _SCHEME_HOLDS)
        return f"{scheme}://{self._host}"

    def _found_scheme(self) -> str:
        """Try TLS first, as Flux does also for a registry that may be asked without it."""
        what = self.what("reach the API")
        first: errors.RegistryError | None = None
        for scheme in ("https", "http"):
            request = Request("GET", f"{scheme}://{self._host}/v2/", what, {}, _LARGEST_PING)
            self._budget.take(self._counted, self._account, what)
            try:
                answer = self._way.transport.send(request, deadline=self._deadline)
            except errors.Unreachable as error:
                first = first or error
                continue
            # A server of TLS answers plain HTTP with 400, or sends whoever asks on to TLS.
            if first is None or (answer.status != 400 and answer.url.startswith("http:")):
                return scheme
        raise first or errors.Unreachable(f"{what}: it could not be reached")


def _without_link(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in headers.items() if name != "link"}
