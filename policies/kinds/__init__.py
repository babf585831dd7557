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

# What is worked on in runs, at intervals and on request.
RECONCILED: tuple[type[Kind], ...] = (
    GitRepository,
    Kustomization,
    ImageRepository,
    ImagePolicy,
    Receiver,
    ImageUpdateAutomation,
)
ALL: tuple[type[Kind], ...] = (*RECONCILED, RepositoryBinding, Order)

__all__ = [
    "ALL",
    "RECONCILED",
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
