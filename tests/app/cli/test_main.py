# SPDX-License-Identifier: Apache-2.0
"""The `fairway` command as a person meets it."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner

import app.cli
from app.cli import cli


def fairway(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("FAIRWAY_", "KUBECONFIG"))
    }
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_version_is_the_distributions() -> None:
    assert fairway("--version").stdout == f"fairway, version {version('fairway')}\n"


def test_help_names_every_command_and_imports_none() -> None:
    script = """
import sys
from app.cli import main
sys.argv = ["fairway", "--help"]
heavy = {"celery", "flask", "kubernetes", "gunicorn", "redis", "rich", "pydantic"}
try:
    main()
finally:
    print(*(m for m in sys.modules if m.split(".")[0] in heavy or m.startswith("app.cli.")))
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    *helped, imported = ended.stdout.splitlines()
    assert imported == ""
    for name in ("build", "demo", "down", "sandbox", "up", "watch", "web", "worker"):
        assert any(line.startswith(f"  {name} ") for line in helped), name


def test_every_command_is_there_with_the_help_it_is_listed_with() -> None:
    for name, where in app.cli._COMMANDS.items():
        ended = CliRunner().invoke(cli, [name, "--help"])
        assert ended.exit_code == 0, name
        assert where.help.rstrip(".") in " ".join(ended.output.split()), name


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "No such command"),
        (["up", "--mode", "observe", "--context", "x"], "is not there yet"),
        (["up", "--mode", "other"], "'observe'"),
        (["up"], "say which cluster to serve"),
        (["up", "--context", "a", "--sandbox", "b"], "say which cluster to serve, once"),
        (["up", "--sandbox", "/nonexistent/s"], "no sandbox runs in /nonexistent/s"),
        (["down", "--dir", "/nonexistent/d"], "nothing runs in /nonexistent/d"),
    ],
    ids=["no command", "observe", "no mode", "no cluster", "two clusters", "no sandbox", "nothing to stop"],
)
def test_what_a_person_can_mend_is_said_in_words(tmp_path: Path, arguments: list[str], said: str) -> None:
    # Where the folder of a sandbox cannot be made it is not reached; elsewhere it would be in tmp_path.
    ended = (
        fairway(*arguments, "--dir", str(tmp_path))
        if arguments[:2] == ["up", "--sandbox"]
        else fairway(*arguments)
    )
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert (ended.returncode == 0) == (arguments[0] == "down")


def test_up_lists_every_setting_that_is_missing_before_it_touches_anything(tmp_path: Path) -> None:
    ended = fairway("up", "--context", "x", "--dir", str(tmp_path), FAIRWAY_CLUSTER="Not Good")
    assert ended.returncode == 1
    for variable in ("FAIRWAY_CLUSTER", "FAIRWAY_WEBHOOK_SECRET_FILE", "FAIRWAY_GITHUB_APP_ID"):
        assert ended.stderr.count(variable) >= 1
    assert "FAIRWAY_REDIS_URL" not in ended.stderr


def test_down_without_a_name_stops_nothing_it_does_not_know(tmp_path: Path) -> None:
    ended = fairway("down", XDG_STATE_HOME=str(tmp_path))
    assert ended.returncode == 1
    assert "name it" in ended.stderr
