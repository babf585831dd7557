# SPDX-License-Identifier: Apache-2.0
"""The locks and holds that stand, read from the cluster."""

from __future__ import annotations

from policies.orders.locks import Standing, standing
from workers.cluster import NoMatch
from workers.context import Context


def standing_of(context: Context, repository_id: int) -> Standing:
    """Return what stands in one repository; raises ApiError when the orders cannot be read."""
    try:
        resource = context.cluster.discovery.resource("fairway.dev", "v1alpha1", "Order")
    except NoMatch:
        return Standing()
    found, _ = context.cluster.list(resource, namespace=context.settings.namespace)
    return standing(found, context.now()).of(repository_id)
