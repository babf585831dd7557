# SPDX-License-Identifier: Apache-2.0
"""Which objects this Fairway serves: Flux's --watch-label-selector and --watch-all-namespaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from policies import selectors
from policies.objects import labels_of


@dataclass(frozen=True, slots=True)
class Scope:
    """A label selector, and a namespace ("" for all of them)."""

    labels: str = ""
    namespace: str = ""

    def covers(self, obj: Mapping[str, Any]) -> bool:
        """Tell whether the object is ours to reconcile; what is not may still be referred to."""
        if self.namespace and obj["metadata"].get("namespace") != self.namespace:
            return False
        return selectors.parse(self.labels)(labels_of(obj))
