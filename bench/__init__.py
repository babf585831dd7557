# SPDX-License-Identifier: Apache-2.0
"""What Fairway's speed is held to: figures, measured on real parts, each printed as one JSON line.

A module of this package registers its figures with `@figure`, and `python -m bench` runs them.
"""

from __future__ import annotations

from bench.registry import Figure, figure, figures, find

__all__ = ["Figure", "figure", "figures", "find"]
