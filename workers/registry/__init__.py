# SPDX-License-Identifier: Apache-2.0
"""Image registries: what a repository has, asked with the object's own login and within a common budget."""

from workers.registry.access import ANONYMOUS, Access
from workers.registry.budget import Budget, MemoryShelf, RedisShelf
from workers.registry.client import Facts, Limits, Manifest, Registries, RepositoryClient
from workers.registry.credentials import References, gather
from workers.registry.errors import (
    AccessDenied,
    ForbiddenAddress,
    Limited,
    NotThere,
    RegistryError,
    RegistryFailed,
    TooLarge,
    TooSlow,
    Unconfigured,
    Unreachable,
    Untrusted,
    Untruthful,
)

__all__ = [
    "ANONYMOUS",
    "Access",
    "AccessDenied",
    "Budget",
    "Facts",
    "ForbiddenAddress",
    "Limited",
    "Limits",
    "Manifest",
    "MemoryShelf",
    "NotThere",
    "RedisShelf",
    "References",
    "Registries",
    "RegistryError",
    "RegistryFailed",
    "RepositoryClient",
    "TooLarge",
    "TooSlow",
    "Unconfigured",
    "Unreachable",
    "Untrusted",
    "Untruthful",
    "gather",
]
