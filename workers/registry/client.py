# SPDX-License-Identifier: Apache-2.0
"""A client of image registries, by the distribution API v2.

registries = Registries(budget, allow_loopback=settings.allow_loopback)
images = registries.open(repository, access, timeout=60)
images.tags(); images.digest("1.2.3"); images.facts("1.2.3")

What a registry answers is held against what it can be: a digest is computed again, a list has to end, and
each answer is bounded in time and size.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from policies.registry import challenges, manifests, pages, rates
from policies.registry.names import Repository, api_host, is_digest
from policies.registry.pages import Listing, Nonsense
from policies.registry.pull_secrets import Login, login_for
from workers.registry import errors
from workers.registry.access import ANONYMOUS, Access, account_of
from workers.registry.budget import Budget
from workers.registry.memory import Memory
from workers.registry.tokens import Refused, Tokens
from workers.registry.transport import Answer, Request, Transport, origin

_PAGE = 1000  # tags; more is refused by some registries
_MOST_WAYS = 64
_MOST_SCHEMES = 1000  # hosts


@dataclass(frozen=True)
class Limits:
    """What an answer may take: seconds for each step of it, and bytes."""

    step: float = 20.0
    page: int = 16 * 2**20
    manifest: int = 4 * 2**20
    config: int = 4 * 2**20


@dataclass(frozen=True)
class Facts:
    """What an image says of itself: its labels, over the annotations of its manifests.

    `digest` is what its tag stands for, `platform` of which of several images the labels are.
    """

    digest: str
    labels: Mapping[str, str] = field(default_factory=dict)
    created: str = ""
    platform: str = ""


@dataclass(frozen=True)
class Manifest:
    digest: str
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Way:
    """What is shared by all who ask by the same way: connections, tokens, and what is known of registries."""

    name: str
    transport: Transport
    tokens: Tokens = field(default_factory=Tokens)
    schemes: dict[str, str] = field(default_factory=dict)


class Registries:
    """Open repositories of registries; safe for threads."""

    def __init__(self, budget: Budget, *, allow_loopback: bool, limits: Limits | None = None) -> None:
        self.budget = budget
        self.limits = limits or Limits()
        self.memory = Memory()
        self._allow_loopback = allow_loopback
        self._lock = threading.Lock()
        self._ways: OrderedDict[Access, Way] = OrderedDict()

    def open(self, repository: Repository, access: Access = ANONYMOUS, *, timeout: float) -> RepositoryClient:
        """Return a client whose calls end before so many seconds from now, all of them together.

        Nothing is asked yet. Raises Unconfigured for certificates that cannot be used.
        """
        return RepositoryClient(self, self._way(access), repository, access, time.monotonic() + timeout)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with self._lock:
            ways = list(self._ways.values())
            self._ways.clear()
        for way in ways:
            way.transport.close()

    def _way(self, access: Access) -> Way:
        with self._lock:
            if (known := self._ways.get(access.way)) is not None:
                self._ways.move_to_end(access.way)
                return known
        transport = Transport(access, allow_loopback=self._allow_loopback, step=self.limits.step)
        with self._lock:
            way = self._ways.setdefault(access.way, Way(access.way_name, transport))
            dropped = self._ways.popitem(last=False)[1] if len(self._ways) > _MOST_WAYS else None
        if dropped is not None:
            dropped.transport.close()
        return way


class RepositoryClient:
    """Ask about one repository as one login; everything that fails is a RegistryError."""

    def __init__(
        self, registries: Registries, way: Way, repository: Repository, access: Access, deadline: float
    ) -> None:
        self._registries = registries
        self._way = way
        self._repository = repository
        self._deadline = deadline
        self._login: Login | None = login_for(access.logins, repository)
        self._account = account_of(self._login, access)
        self._host = api_host(repository.registry)

    def ping(self) -> None:
        """Ask whether the registry speaks the API, and takes the login where it asks for one."""
        self._ask("GET", "/v2/", "say that it is a registry", self._registries.limits.config)

    def tags(self) -> list[str]:
        """List all tags, in the registry's order, each once."""
        what = self._what("list the tags")
        url = f"{self._base}/tags/list?n={_PAGE}"
        listing, more = Listing(), True
        while more:
            answer = self._ask("GET", url, "list the tags", self._registries.limits.page, conditional=True)
            try:
                found = pages.tags_of(answer.json(what))
                following = pages.next_page(answer.url, answer.headers.get("link", ""))
                listing.add(answer.url, found, following)
            except Nonsense as error:
                raise errors.Untruthful(f"{what}: {error}") from None
            url, more = following or "", following is not None
        return list(listing.tags)

    def digest(self, reference: str) -> str:
        """Return the digest that a tag stands for now."""
        doing = f"read the digest of {reference}"
        answer = self._ask(
            "HEAD", self._manifest_path(reference), doing, self._registries.limits.manifest,
            accept=manifests.ACCEPT,
        )  # fmt: skip
        found = answer.headers.get("docker-content-digest", "")
        if not found:  # the header is not everywhere; the content is
            return self.manifest(reference).digest
        if not is_digest(found):
            raise errors.Untruthful(f"{self._what(doing)}: {errors.printable(found, 80)!r} is no digest")
        return found

    def manifest(self, reference: str) -> Manifest:
        """Return the manifest of a tag or digest, with the digest of what was read."""
        doing = f"read the manifest of {reference}"
        answer = self._ask(
            "GET", self._manifest_path(reference), doing, self._registries.limits.manifest,
            accept=manifests.ACCEPT, pulls=1, conditional=True,
        )  # fmt: skip
        what = self._what(doing)
        for said in (answer.headers.get("docker-content-digest", ""), reference):
            if is_digest(said):
                _check(answer.body, said, what)
        content = answer.json(what)
        if not isinstance(content, dict):
            raise errors.Untruthful(f"{what}: it is no manifest")
        named = answer.headers.get("docker-content-digest", "") or "sha256:"
        return Manifest(manifests.digest_of(answer.body, like=named), content)

    def facts(self, reference: str) -> Facts:
        """Return what an image says of itself; of several images in an index, one speaks for all."""
        top = self.manifest(reference)
        image, platform = top, ""
        what = self._what(f"read the labels of {reference}")
        try:
            if manifests.is_index(top.content):
                chosen = manifests.speaks_for(top.content)
                image, platform = self.manifest(chosen.digest), chosen.platform
            config = self._config(manifests.config_of(image.content), what)
        except Nonsense as error:
            raise errors.Untruthful(f"{what}: {error}") from None
        inner = config.get("config")
        labels = inner.get("Labels") if isinstance(inner, dict) else None
        found = manifests.labels_of(top.content.get("annotations"), image.content.get("annotations"), labels)
        created = config.get("created")
        if not platform:
            platform = "/".join(str(config.get(name, ""))[:40] for name in ("os", "architecture"))
        return Facts(top.digest, found, created if isinstance(created, str) else "", platform)

    def _config(self, described: manifests.Described, what: str) -> dict[str, Any]:
        if described.size > self._registries.limits.config:
            raise errors.TooLarge(f"{what}: its config would have {described.size} bytes")
        answer = self._ask(
            "GET", f"{self._base}/blobs/{described.digest}", "read its config", described.size + 1
        )
        _check(answer.body, described.digest, what)
        content = answer.json(what)
        return content if isinstance(content, dict) else {}

    @property
    def _base(self) -> str:
        return f"/v2/{self._repository.path}"

    def _manifest_path(self, reference: str) -> str:
        return f"{self._base}/manifests/{reference}"

    def _what(self, doing: str) -> str:
        return f"registry {self._repository.registry}: cannot {doing} of {self._repository.path}"

    def _ask(
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
        what = self._what(doing)
        url = path if "://" in path else f"{self._origin()}{path}"
        known = self._registries.memory.get(url, self._account) if conditional else None
        headers = {"Accept": accept} if accept else {}
        if known is not None:
            headers["If-None-Match"] = known[0]
        answer = self._logged_in(Request(method, url, what, headers, largest), pulls)
        if known is not None and answer.status == 304:
            self._registries.budget.heard(self._host, self._account, answer.headers)
            return replace(answer, status=200, body=known[1], headers=_without_link(answer.headers))
        if answer.status != 200:
            raise self._failed(what, answer)
        self._registries.budget.heard(self._host, self._account, answer.headers)
        # Of a list that goes on, the first page would stay the same while the others change.
        if conditional and (etag := answer.headers.get("etag")) and "link" not in answer.headers:
            self._registries.memory.keep(url, self._account, etag, answer.body)
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
            self._registries.budget.take(self._host, self._account, request.what, pulls=pulls)
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
        now = self._registries.budget.now()
        retry_at = rates.retry_at(answer.headers, now=now)
        # What is refused or falls over under load is left alone by all scans, not only by this one.
        if answer.status == 429 or (answer.status == 503 and retry_at is not None):
            retry_at = self._registries.budget.refused(self._host, self._account, retry_at)
        secrets = self._login.secrets if self._login else ()
        return errors.from_status(what, answer.status, answer.body, retry_at=retry_at, secrets=secrets)

    def _origin(self) -> str:
        if not self._repository.may_be_plain:
            return f"https://{self._host.lower()}"
        if (scheme := self._way.schemes.get(self._host)) is None:
            if len(self._way.schemes) >= _MOST_SCHEMES:
                self._way.schemes.clear()
            scheme = self._way.schemes[self._host] = self._found_scheme()
        return f"{scheme}://{self._host.lower()}"

    def _found_scheme(self) -> str:
        """Try TLS first, as Flux does also for a registry that may be asked without it."""
        what = self._what("reach the API")
        first: errors.RegistryError | None = None
        for scheme in ("https", "http"):
            request = Request("GET", f"{scheme}://{self._host}/v2/", what, {}, 2**20)
            self._registries.budget.take(self._host, self._account, what)
            try:
                answer = self._way.transport.send(request, deadline=self._deadline)
            except errors.Unreachable as error:
                first = first or error
                continue
            # A server of TLS answers plain HTTP with 400.
            if first is None or answer.status != 400:
                return scheme
        raise first or errors.Unreachable(f"{what}: it could not be reached")


def _check(body: bytes, said: str, what: str) -> None:
    if manifests.digest_of(body, like=said) != said:
        raise errors.Untruthful(f"{what}: what it sent is not {said[:19]}…, as it says")


def _without_link(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in headers.items() if name != "link"}
