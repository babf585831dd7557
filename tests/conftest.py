# SPDX-License-Identifier: Apache-2.0
"""Load the shared fixtures: each real part that tests run on has a module in tests/fixtures."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says how busy the machine is; figures are `make bench`'s.
settings.register_profile("fairway", deadline=None)
settings.load_profile("fairway")

# Some import others before pytest loads those itself.
pytest.register_assert_rewrite("tests.fixtures")
pytest_plugins = [
    f"tests.fixtures.{module.stem}"
    for module in sorted((Path(__file__).parent / "fixtures").glob("*.py"))
    if module.stem != "__init__"
]
