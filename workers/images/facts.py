# SPDX-License-Identifier: Apache-2.0
"""What registries say of images that are proposed: asked once, since registries count it as a pull.

It is kept in Redis for a while; what is lost is asked again. A registry that does not answer leaves an image
as old as its choice.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from policies import clock
from policies.errors import FairwayError
from policies.images import ages, reference
from policies.images.setters import Image
from policies.kinds import ImagePolicy, InvalidObject
from policies.objects import Object
from workers.context import Context
from workers.github import RateLimited
from workers.images.login import open_registry
from workers.images.policy import repository_of
from workers.registry import RegistryError

log = logging.getLogger(__name__)
_SOURCE = "org.opencontainers.image.source"
_PINNED, _TAGGED, _UNKNOWN = 7 * 24 * 3600, 24 * 3600, 300  # seconds for which an answer counts
_CHOSEN = 90 * 24 * 3600  # seconds for which it is remembered when an image was first chosen


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an image; empty is unknown. `created` is what it says itself, `source` its label."""

    digest: str = ""
    created: str = ""
    source: str = ""


class Facts:
    """Asks about the images of policies, which are given by `namespace:name`; each at most once in a run."""

    def __init__(self, context: Context, policies: Mapping[str, Object]) -> None:
        self._context = context
        self._policies = policies
        self._known: dict[tuple[str, Image], Known] = {}

    def of(self, policy: str, image: Image) -> Known:
        """Return what is known of a policy's image; raises RedisError."""
        if (policy, image) not in self._known:
            self._known[policy, image] = self._read(policy, image)
        return self._known[policy, image]

    def since(self, policy: str, image: Image) -> datetime | None:
        """Return when an image was made, or else when it was chosen first, as far as we know."""
        made = ages.made(self.of(policy, image).created, self._context.now())
        return made or self._first_chosen(policy, image)

    def _first_chosen(self, policy: str, image: Image) -> datetime | None:
        client, key = self._context.redis, f"fairway:image-chosen:{_digest(policy, image)}"
        if isinstance(known := client.get(key), bytes):
            return clock.parse(known.decode())
        at = ages.chosen(self._policies[policy])
        if at is not None:
            client.set(key, at.isoformat(), ex=_CHOSEN, nx=True)
        return at

    def _read(self, policy: str, image: Image) -> Known:
        client, key = self._context.redis, f"fairway:image-facts:{_digest(policy, image)}"
        if isinstance(said := client.get(key), bytes):
            return Known(**json.loads(said))
        try:
            found, lasts = self._ask(policy, image), _PINNED if image.digest else _TAGGED
        except RateLimited:
            raise
        except (InvalidObject, RegistryError, FairwayError) as error:
            log.info("image not looked at policy=%s: %s", policy, error)
            found, lasts = Known(), _UNKNOWN
        client.set(key, json.dumps(asdict(found)), ex=lasts)
        return found

    def _ask(self, policy: str, image: Image) -> Known:
        repository = repository_of(self._context, ImagePolicy.read(self._policies[policy]))
        named = reference.parse(repository.spec.image, insecure=bool(repository.spec.insecure))
        said = open_registry(self._context, repository, named).facts(image.digest or image.tag)
        return Known(said.digest, said.created, said.labels.get(_SOURCE, ""))


def _digest(policy: str, image: Image) -> str:
    return hashlib.sha256(f"{policy}\0{image.part('image')}".encode()).hexdigest()[:40]
