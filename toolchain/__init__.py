# SPDX-License-Identifier: Apache-2.0
"""Find the Go parts, or build them: packaged in a wheel, cached, or compiled with a progress bar."""

from __future__ import annotations

from toolchain.binaries import binary

__all__ = ["binary"]
