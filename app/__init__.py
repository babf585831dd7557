# SPDX-License-Identifier: Apache-2.0
"""The front door: what comes in over HTTP or the command line, and what people look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from policies.settings import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """Return the public listener: webhooks, and nothing else. Settings come from the environment by default.

    Raises SettingsError when they cannot work, a missing webhook secret above all.
    """
    from app.public import create_public_app

    return create_public_app(settings or _from_environment())


def create_internal_app(settings: Settings | None = None) -> Flask:
    """Return the internal listener: health, metrics, artifacts and pages."""
    from app.internal import create

    return create(settings or _from_environment())


def _from_environment() -> Settings:
    import os
    from pathlib import Path

    from policies.settings import Settings

    return Settings.from_env(os.environ, lambda path: Path(path).read_text(), role="web")
