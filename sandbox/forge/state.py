# SPDX-License-Identifier: Apache-2.0
"""What every request handler works on, in one object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import current_app

from sandbox.forge import git
from sandbox.forge.deliveries import Deliveries
from sandbox.forge.events import Events
from sandbox.forge.faults import Faults
from sandbox.forge.ratelimits import RateLimits
from sandbox.forge.secondary import SecondaryLimits
from sandbox.forge.shapes import Site
from sandbox.forge.store import Store


@dataclass(frozen=True)
class State:
    """The forge behind one Flask application."""

    site: Site
    store: Store
    repositories: git.Repositories
    events: Events
    deliveries: Deliveries
    limits: RateLimits
    secondary: SecondaryLimits
    faults: Faults


def forge() -> State:
    """Return the forge that the current request is about."""
    return cast(State, current_app.extensions["forge"])
