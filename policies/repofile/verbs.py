# SPDX-License-Identifier: Apache-2.0
"""The orders that a file can have rules for, and the role that each needs whatever a file says."""

from __future__ import annotations

from policies.repofile.rules import Role

_READING = ("help", "locks", "status")
_ACTING = (
    "abort",
    "approve",
    "hold",
    "ignore",
    "lock",
    "pause",
    "plan",
    "promote",
    "rebase",
    "reconcile",
    "reject",
    "rescan",
    "resume",
    "retry",
    "rollback",
    "skip-analysis",
    "unhold",
    "unlock",
)

ROLES: dict[str, Role] = {
    **dict.fromkeys(_READING, Role.READ),
    **dict.fromkeys(_ACTING, Role.WRITE),
}
# What brings something into an environment; who decides on that can be said at the environment too.
RELEASES = ("promote", "rollback")


def acts(verb: str) -> bool:
    """Tell whether an order changes something, so that it may concern an environment."""
    return verb in _ACTING
