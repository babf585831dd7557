# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from policies.errors import SettingsError
from policies.settings import Settings
from tests.workers.github.conftest import Place
from workers.github import GitHub


def test_without_an_app_there_is_no_client() -> None:
    assert GitHub.from_settings(Settings()) is None


def test_the_settings_make_a_client_that_works(place: Place, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text(place.app.private_key_pem)
    github = GitHub.from_settings(
        Settings(
            github_app_id=str(place.app.id),
            github_private_key_file=str(key),
            github_api_url=place.forge.api_url,
            allow_loopback=True,
        )
    )
    assert github is not None
    assert github.installation_for(place.repo.owner, place.repo.name).id == place.installation
    github.close()


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read"), (b"\xff\xfe", "it is not text"), (b"nonsense", "not an unencrypted RSA key")],
    ids=["no file", "not text", "no key"],
)
def test_a_key_that_cannot_be_used_is_said_at_once(tmp_path: Path, content: bytes | None, said: str) -> None:
    key = tmp_path / "key.pem"
    if content is not None:
        key.write_bytes(content)
    with pytest.raises(SettingsError, match=said) as raised:
        GitHub.from_settings(Settings(github_app_id="1", github_private_key_file=str(key)))
    assert "FAIRWAY_GITHUB_PRIVATE_KEY_FILE" in raised.value.remedy
