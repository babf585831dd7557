# SPDX-License-Identifier: Apache-2.0
"""The figures there are: what each measures, in which unit, what it must reach, and what the peer reaches."""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Better = Literal["lower", "higher"]


@dataclass(frozen=True)
class Figure:
    """A number to measure; `measure` returns it, and raises when it cannot be measured."""

    name: str
    unit: str
    measure: Callable[[], float]
    target: float | None = None
    better: Better = "lower"
    peer: str = ""
    peer_value: float | None = None

    def line(self, value: float) -> dict[str, Any]:
        """Write the JSON line of a measured value: four digits tell more than the noise does."""
        rounded = float(f"{value:.4g}")
        answer: dict[str, Any] = {
            "figure": self.name,
            "value": rounded,
            "unit": self.unit,
            "target": self.target,
        }
        if self.target is not None:
            answer["met"] = self.meets(value)
        if self.peer:
            answer["peer"] = {"name": self.peer, "value": self.peer_value}
        return answer

    def meets(self, value: float) -> bool:
        """Say whether a value reaches the target; a figure without one is only watched."""
        if math.isnan(value):
            return False
        if self.target is None:
            return True
        return value <= self.target if self.better == "lower" else value >= self.target


_figures: dict[str, Figure] = {}


def figure(
    name: str,
    *,
    unit: str,
    target: float | None = None,
    better: Better = "lower",
    peer: str = "",
    peer_value: float | None = None,
) -> Callable[[Callable[[], float]], Callable[[], float]]:
    """Register the decorated function as the measurement of a figure."""

    def register(measure: Callable[[], float]) -> Callable[[], float]:
        if name in _figures:
            raise ValueError(f"two figures are called {name}")
        _figures[name] = Figure(name, unit, measure, target, better, peer, peer_value)
        return measure

    return register


def figures() -> list[Figure]:
    """Import every module of this package and return its figures in the order of their names."""
    package = importlib.import_module("bench")
    for module in pkgutil.iter_modules(package.__path__):
        if not module.name.startswith("__"):
            importlib.import_module(f"bench.{module.name}")
    return [_figures[name] for name in sorted(_figures)]


def find(words: list[str]) -> list[Figure]:
    """Choose the figures whose name starts with one of these words; all of them without words."""
    known = figures()
    unknown = [word for word in words if not any(found.name.startswith(word) for found in known)]
    if unknown:
        raise LookupError(
            f"no figure starts with {', '.join(unknown)}; there are: {', '.join(f.name for f in known)}"
        )
    return [found for found in known if not words or found.name.startswith(tuple(words))]
