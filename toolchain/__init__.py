# SPDX-License-Identifier: Apache-2.0
"""Find the Go parts, or build them: packaged in a wheel, cached, or compiled with a progress bar."""

from __future__ import annotations

from toolchain.binaries import binary
from toolchain.errors import ToolchainError
from toolchain.progress import Display, Step

__all__ = ["Display", "Step", "ToolchainError", "binary"]
