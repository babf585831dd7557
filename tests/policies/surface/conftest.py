# SPDX-License-Identifier: Apache-2.0
"""Golden files: one for each text, which a person reads when it changes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "golden"
UPDATE = "FAIRWAY_UPDATE_GOLDEN"


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a text with its file; with FAIRWAY_UPDATE_GOLDEN=1 write it, and fail so that it is read."""

    def compare(name: str, text: str) -> None:
        path = FOLDER / f"{name}.md"
        known = path.read_text(encoding="utf-8") if path.exists() else None
        if known == f"{text}\n":
            return
        if os.environ.get(UPDATE):
            path.write_text(f"{text}\n", encoding="utf-8")
            pytest.fail(
                f"{path.name} was written: read what changed, and run the test again without {UPDATE}"
            )
        assert f"{text}\n" == known, f"golden/{path.name} says otherwise; {UPDATE}=1 writes it"

    return compare
