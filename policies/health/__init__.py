# SPDX-License-Identifier: Apache-2.0
"""Whether an object is as wanted: kstatus, as Flux uses it, in Python."""

from __future__ import annotations

from policies.health.status import status
from policies.health.verdict import Health, Verdict

__all__ = ["Health", "Verdict", "status"]
