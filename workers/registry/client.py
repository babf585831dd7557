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
from dataclasses import dataclass, field
from typing import Any

from policies.registry import manifests, pages
from policies.registry.names import Repository, is_digest, is_tag, problem_of
from policies.registry.pages import Listing, Nonsense
from workers.registry import errors
from workers.registry.access import ANONYMOUS, Access
from workers.registry.asking import Asking, Way
from workers.registry.budget import Budget
from workers.registry.clouds import CloudLogins
from workers.registry.memory import Memory
from workers.registry.transport import Transport

_PAGE = 1000  # tags; more is refused by some registries
_MOST_WAYS = 64


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


class Registries:
    """Open repositories of registries; safe for threads."""

    def __init__(self, budget: Budget, *, allow_loopback: bool, limits: Limits | None = None) -> None:
        self.budget = budget
        self.limits = limits or Limits()
        self.memory = Memory()
        self.clouds = CloudLogins(allow_loopback=allow_loopback)
        self._allow_loopback = allow_loopback
        self._lock = threading.Lock()
        self._ways: OrderedDict[Access, Way] = OrderedDict()

    def open(self, repository: Repository, access: Access = ANONYMOUS, *, timeout: float) -> RepositoryClient:
        """Return a client whose calls end before so many seconds from now, all of them together.

        Nothing is asked yet. Raises Unconfigured for certificates that cannot be used, and RegistryError for
        a name that no registry has.
        """
        if (problem := problem_of(repository)) is not None:
            name = errors.printable(f"{repository.registry}/{repository.path}", 80)
            raise errors.RegistryError(
                f"image {name} cannot be scanned: {errors.printable(problem, 80)}",
                remedy="correct spec.image",
                retryable=False,
            )
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
    """Ask about one repository as one login; what fails is a RegistryError, or redis.RedisError."""

    def __init__(
        self, registries: Registries, way: Way, repository: Repository, access: Access, deadline: float
    ) -> None:
        self._repository = repository
        self._limits = registries.limits
        self._asking = Asking(
            way,
            repository,
            access,
            budget=registries.budget,
            memory=registries.memory,
            deadline=deadline,
        )

    def ping(self) -> None:
        """Ask whether the registry speaks the API, and takes the login where it asks for one."""
        self._asking.ask("GET", "/v2/", "say that it is a registry", self._limits.config)

    def tags(self) -> list[str]:
        """List all tags, in the registry's order, each once."""
        what = self._asking.what("list the tags")
        url = f"{self._base}/tags/list?n={_PAGE}"
        listing, more = Listing(), True
        while more:
            answer = self._asking.ask("GET", url, "list the tags", self._limits.page, conditional=True)
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
        answer = self._asking.ask(
            "HEAD", self._manifest_path(reference), doing, self._limits.manifest,
            accept=manifests.ACCEPT,
        )  # fmt: skip
        found = answer.headers.get("docker-content-digest", "")
        if not found:  # the header is not everywhere; the content is
            return self.manifest(reference).digest
        if not is_digest(found):
            raise errors.Untruthful(
                f"{self._asking.what(doing)}: {errors.printable(found, 80)!r} is no digest"
            )
        return found

    def manifest(self, reference: str) -> Manifest:
        """Return the manifest of a tag or digest, with the digest of what was read.

        Registries that limit pulls count this as one.
        """
        doing = f"read the manifest of {reference}"
        answer = self._asking.ask(
            "GET", self._manifest_path(reference), doing, self._limits.manifest,
            accept=manifests.ACCEPT, pulls=1, conditional=True,
        )  # fmt: skip
        what = self._asking.what(doing)
        said = (reference, answer.headers.get("docker-content-digest", ""))
        for digest in filter(is_digest, said):
            _check(answer.body, digest, what)
        content = answer.json(what)
        if not isinstance(content, dict):
            raise errors.Untruthful(f"{what}: it is no manifest")
        # As the reference has it, or else the registry: all that was said was held against the content.
        found = next((digest for digest in said if is_digest(digest)), "sha256:")
        return Manifest(manifests.digest_of(answer.body, like=found), content)

    def facts(self, reference: str) -> Facts:
        """Return what an image says of itself; of several images in an index, one speaks for all."""
        top = self.manifest(reference)
        image, platform = top, ""
        what = self._asking.what(f"read the labels of {reference}")
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
        if described.size > self._limits.config:
            raise errors.TooLarge(f"{what}: its config would have {described.size} bytes")
        answer = self._asking.ask(
            "GET", f"{self._base}/blobs/{described.digest}", "read its config", described.size + 1
        )
        _check(answer.body, described.digest, what)
        content = answer.json(what)
        return content if isinstance(content, dict) else {}

    @property
    def _base(self) -> str:
        return f"/v2/{self._repository.path}"

    def _manifest_path(self, reference: str) -> str:
        if not is_tag(reference) and not is_digest(reference):
            problem = f"{errors.printable(reference, 80)!r} is neither a tag nor a digest"
            raise errors.RegistryError(f"{self._asking.what('look for an image')}: {problem}")
        return f"{self._base}/manifests/{reference}"


def _check(body: bytes, said: str, what: str) -> None:
    if manifests.digest_of(body, like=said) != said:
        raise errors.Untruthful(f"{what}: what it sent is not {said[:19]}…, as it says")
