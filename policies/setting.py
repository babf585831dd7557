# SPDX-License-Identifier: Apache-2.0
"""How a setting is declared: the variable it comes from, what it means, and what it may look like."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from policies.setting_values import Check


def setting(
    variable: str, meaning: str, default: Any = "", *, check: Check | None = None, **more: Any
) -> Any:
    """Return a dataclass field; `hidden` keeps its value out of messages."""
    return field(
        default=default,
        repr=not more.get("hidden", False),
        metadata={"variable": variable, "meaning": meaning, "check": check, **more},
    )
