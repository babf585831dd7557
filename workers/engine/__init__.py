# SPDX-License-Identifier: Apache-2.0
"""The Go child process that renders as Flux does, and its client."""

from __future__ import annotations

from workers.engine.client import BuildRequest, BuildResult, Engine, Evaluated, Evaluation
from workers.engine.errors import (
    BuildFailed,
    EngineDied,
    EngineError,
    EngineTimeout,
    OutputTooLarge,
    PathNotFound,
)

__all__ = [
    "BuildFailed",
    "BuildRequest",
    "BuildResult",
    "Engine",
    "EngineDied",
    "EngineError",
    "EngineTimeout",
    "Evaluated",
    "Evaluation",
    "OutputTooLarge",
    "PathNotFound",
]
