# SPDX-License-Identifier: Apache-2.0
"""Whether an object is as wanted: kstatus, as Flux uses it, in Python."""

from __future__ import annotations

from policies.health.aggregate import aggregate, forgive_vanished, vanishing_jobs, worst
from policies.health.pods import PodTrouble, first_trouble, newest, terminal_reason, trouble, with_pods
from policies.health.status import BY_METADATA, status
from policies.health.verdict import NOT_FOUND, Health, Verdict

__all__ = [
    "BY_METADATA",
    "NOT_FOUND",
    "Health",
    "PodTrouble",
    "Verdict",
    "aggregate",
    "first_trouble",
    "forgive_vanished",
    "newest",
    "status",
    "terminal_reason",
    "trouble",
    "vanishing_jobs",
    "with_pods",
    "worst",
]
