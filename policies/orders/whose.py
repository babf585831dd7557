# SPDX-License-Identifier: Apache-2.0
"""Which of the Fairways that serve a repository answers what a comment says.

Orders for an environment belong to the instance that has it. Everything else, what is not understood and
environments that nobody has among it, belongs to the one that is home.
"""

from __future__ import annotations

from policies.orders.grammar import Mistake, Reading, Written
from policies.repofile import Narrowed


def ours(reading: Reading, narrowed: Narrowed) -> Reading:
    """Return the part of a comment that this instance answers."""
    if not narrowed.tenant.bound or not narrowed.listed:
        return Reading()
    return Reading(
        tuple(order for order in reading.orders if _is_ours(order, narrowed)),
        left_out=reading.left_out if narrowed.home else 0,
        near_miss=reading.near_miss if narrowed.home else None,
    )


def _is_ours(order: Written | Mistake, narrowed: Narrowed) -> bool:
    environment = order.value("environment") if isinstance(order, Written) else ""
    if not environment:
        return narrowed.home
    if environment in narrowed.others:
        return False
    return narrowed.home or environment in narrowed.tenant.environment_names
