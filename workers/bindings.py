# SPDX-License-Identifier: Apache-2.0
"""What a repository is granted, looked up: everything that speaks to GitHub about it asks here first."""

from __future__ import annotations

from collections.abc import Iterable

import redis

from policies.kinds import RepositoryBinding
from policies.tenancy import Tenant, Write, tenant
from workers.cluster import NoMatch
from workers.context import Context
from workers.github import GitHubError

_REMEMBER = 24 * 3600  # seconds; an id outlives renames, and what had a name may get another


def tenant_of(context: Context, repository: str, *, repository_id: int | None = None) -> Tenant:
    """Return what `owner/name` is granted; under `strict` its numeric id decides, asked of GitHub if need be.

    Raises ApiError when the bindings cannot be read, GitHubError when GitHub cannot be asked at the moment.
    """
    settings = context.settings
    owner = repository.partition("/")[0]
    served = settings.allows_account(owner)
    if settings.tenancy == "single":
        return tenant(owner, 0, served=served, tenancy="single")
    if repository_id is None:
        number = _id_of(context, repository)
    else:
        number = repository_id
        _remember(context.redis, repository, number)
    return tenant(owner, number, served=served, tenancy="strict", bindings=_bindings(context))


def write_of(context: Context, repository: str, namespaces: Iterable[str]) -> Write:
    """Return what our App may do to `owner/name` for the sake of all of these namespaces together.

    Under `single` too a binding may grant more than to propose. Raises ApiError and GitHubError.
    """
    settings, owner = context.settings, repository.partition("/")[0]
    found = tenant(
        owner,
        _id_of(context, repository),
        served=settings.allows_account(owner),
        tenancy=settings.tenancy,
        bindings=_bindings(context),
    )
    return min(map(found.write, namespaces), default=Write.NONE)


def _bindings(context: Context) -> list[RepositoryBinding]:
    try:
        resource = context.cluster.discovery.resource("fairway.dev", "v1alpha1", "RepositoryBinding")
    except NoMatch:
        return []
    found, _ = context.cluster.list(resource)
    return [RepositoryBinding.read(obj) for obj in found]


def _id_of(context: Context, repository: str) -> int:
    """Return GitHub's number of a repository; 0, which no binding has, when there is none for us.

    What was remembered runs out a day after GitHub said it, however often it is used.
    """
    known = context.redis.get(_key(repository))
    if isinstance(known, bytes):
        return int(known)
    if context.github is None:
        return 0
    try:
        number = context.github.repositories.get(repository).id
    except GitHubError as error:
        if error.retryable:
            raise
        return 0
    _remember(context.redis, repository, number)
    return number


def _remember(client: redis.Redis, repository: str, number: int) -> None:
    if number:
        client.set(_key(repository), str(number), ex=_REMEMBER)


def _key(repository: str) -> str:
    return f"fairway:repository-id:{repository.lower()}"
