# SPDX-License-Identifier: Apache-2.0
"""`fairway demo`: the product on one machine, as a story one can watch."""

from __future__ import annotations

from app.cli.demo.command import demo

__all__ = ["demo"]
