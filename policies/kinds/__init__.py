# SPDX-License-Identifier: Apache-2.0
"""The kinds we serve, as models: the CustomResourceDefinitions are generated from them."""

from __future__ import annotations

from policies.kinds.gitrepository import GitRepository
from policies.kinds.imagepolicy import ImagePolicy
from policies.kinds.imagerepository import ImageRepository
from policies.kinds.imageupdateautomation import ImageUpdateAutomation
from policies.kinds.kind import InvalidObject, Kind
from policies.kinds.kustomization import Kustomization
from policies.kinds.order import Order
from policies.kinds.receiver import Receiver
from policies.kinds.repositorybinding import RepositoryBinding

ALL: tuple[type[Kind], ...] = (
    GitRepository,
    Kustomization,
    ImageRepository,
    ImagePolicy,
    Receiver,
    ImageUpdateAutomation,
    RepositoryBinding,
    Order,
)

__all__ = [
    "ALL",
    "GitRepository",
    "ImagePolicy",
    "ImageRepository",
    "ImageUpdateAutomation",
    "InvalidObject",
    "Kind",
    "Kustomization",
    "Order",
    "Receiver",
    "RepositoryBinding",
]
