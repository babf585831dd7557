# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.toolchain.conftest import Recorder
from toolchain import system
from toolchain.errors import ToolchainError

INSTALLS = """#!/bin/sh
echo "$@" >> {folder}/asked
for last; do :; done
[ "$last" = bird ] || exit 0
printf '#!/bin/sh\\n' > {folder}/bird
/bin/chmod +x {folder}/bird
"""
FAILS = """#!/bin/sh
echo "E: Unable to locate package bird"
exit 100
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The whole PATH of the test, as root."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("FAIRWAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path / "bin"


def script(path: Path, text: str) -> None:
    path.write_text(text.replace("{folder}", str(path.parent)))
    path.chmod(0o755)


def test_a_command_that_is_there_is_not_installed(folder: Path, recorder: Recorder) -> None:
    script(folder / "bird", "#!/bin/sh\n")
    script(folder / "apt-get", FAILS)
    assert system.ensure("bird", "bird", display=recorder) == folder / "bird"
    assert recorder.sentences == []


def test_a_missing_command_is_installed_after_the_lists_were_read(folder: Path, recorder: Recorder) -> None:
    script(folder / "apt-get", INSTALLS)
    assert system.ensure("bird", "bird", display=recorder) == folder / "bird"
    asked = [line.split()[-1] for line in (folder / "asked").read_text().splitlines()]
    assert asked == ["update", "bird"]
    assert recorder.sentences == ["bird is missing: installing the Debian package bird."]
    assert recorder.ended == ["bird"]


def test_a_package_without_the_command_is_an_error(folder: Path, recorder: Recorder) -> None:
    script(folder / "apt-get", INSTALLS)
    with pytest.raises(ToolchainError, match="package bird is installed, but it has no command fish"):
        system.ensure("bird", "fish", display=recorder)


def test_a_failed_installation_tells_what_apt_said(folder: Path, recorder: Recorder) -> None:
    script(folder / "apt-get", FAILS)
    with pytest.raises(
        ToolchainError, match=r"could not be installed(?s:.*)E: Unable to locate package bird"
    ):
        system.ensure("bird", "bird", display=recorder)
    assert recorder.ended == ["bird"]


@pytest.mark.parametrize("why", ["not root", "no apt-get"])
def test_where_nothing_may_be_installed_the_command_is_named(
    folder: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    if why == "not root":
        script(folder / "apt-get", INSTALLS)
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ToolchainError) as caught:
        system.ensure("bird-tools", "bird", display=recorder)
    assert str(caught.value) == (
        "bird is missing. Install it, on Debian with `sudo apt-get install bird-tools`, then run this again."
    )
