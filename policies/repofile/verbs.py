# SPDX-License-Identifier: Apache-2.0
"""The orders that a file can have rules for, and the role that each needs whatever a file says."""

from __future__ import annotations

from policies.orders.people import Role
from policies.orders.registry import COMMANDS

ROLES: dict[str, Role] = {command.name: command.role for command in COMMANDS}
# What changes what runs in an environment; who decides on that can be said at the environment too.
RELEASES = ("promote", "reject", "rollback")
# What nothing waits for yet will change something once it does, so rules for it may stand there already.
_ACTING = frozenset(command.name for command in COMMANDS if command.acts or not command.served)


def acts(verb: str) -> bool:
    """Tell whether an order changes something, so that it may concern an environment."""
    return verb in _ACTING
