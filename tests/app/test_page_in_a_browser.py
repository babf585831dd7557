# SPDX-License-Identifier: Apache-2.0
"""The page of a commit as a browser has it, with its scripts switched on: what it shows, and that it fits."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import redis

from tests.app.conftest import Web
from tests.app.test_internal import EVIL, SHA, put, view
from toolchain.system import ensure


@pytest.fixture(scope="module")
def chromium() -> Path:
    return ensure("chromium", "chromium")


def browse(chromium: Path, profile: Path, url: str, *arguments: str) -> str:
    """Open a page headless and return its document after everything ran."""
    ended = subprocess.run(
        [
            chromium,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
            "--virtual-time-budget=2000",
            *arguments,
            url,
        ],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    return ended.stdout


def test_the_page_is_shown(web: Web, store: redis.Redis, chromium: Path, tmp_path: Path) -> None:
    put(store, view())
    document = browse(chromium, tmp_path, f"{web.internal}/acme/fleet/commit/{SHA}", "--dump-dom")
    text = re.sub(r"<[^>]+>", " ", document.split("</style>")[1])
    for shown in ("fairway/prod-eu", "Kustomization apps/web", "Deployment apps/web", "✓", "✗"):
        assert shown in text
    # In the order in which they were stored: source, Kustomization, its objects.
    assert text.index("GitRepository") < text.index("Kustomization") < text.index("Namespace apps")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 500])
def test_the_page_can_be_read_at_day_and_night_wide_and_narrow(
    web: Web, store: redis.Redis, chromium: Path, tmp_path: Path, scheme: str, width: int
) -> None:
    found = view()
    found["objects"][1]["objects"] *= 4
    put(store, found)
    picture = tmp_path / f"{scheme}-{width}.png"
    browse(
        chromium,
        tmp_path / "profile",
        f"{web.internal}/acme/fleet/commit/{SHA}",
        f"--screenshot={picture}",
        f"--window-size={width},900",
        *(["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []),
    )
    # An empty or broken page compresses to next to nothing.
    assert picture.stat().st_size > 15_000


def test_no_stored_text_runs(web: Web, store: redis.Redis, chromium: Path, tmp_path: Path) -> None:
    put(store, view(description=EVIL, cluster=EVIL))
    document = browse(chromium, tmp_path, f"{web.internal}/acme/fleet/commit/{SHA}", "--dump-dom")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in document
    assert "<script>" not in document
    assert "<img" not in document
    assert json.dumps(EVIL) not in document
