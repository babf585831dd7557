# SPDX-License-Identifier: Apache-2.0
"""Programs that come from the system: find them, or install their Debian package where that is allowed.

A program that is missing and cannot be installed is an error that names it, never a reason to do less.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from toolchain import cache
from toolchain.errors import ToolchainError
from toolchain.progress import Display, Step, standard

_TAIL = 8
_LIMIT_SECONDS = 900


def ensure(package: str, command: str, *, display: Display | None = None) -> Path:
    """Return the path of a command, installing the Debian package that has it when it is missing.

    Installs only as root on a system with apt-get; raises ToolchainError with what to install otherwise.
    """
    if found := shutil.which(command):
        return Path(found)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ToolchainError(
            f"{command} is missing.",
            remedy=f"Install it, on Debian with `sudo apt-get install {package}`, then run this again.",
        )
    shown = display or standard()
    waiting = Step(package, "waits for another installation")
    with cache.locked(
        cache.directory() / "apt.lock", f"apt-get of {package}", waiting=lambda owner: shown.show(waiting)
    ):
        try:
            _install(package, command, shown)
        finally:
            shown.end(package)
    if found := shutil.which(command):
        return Path(found)
    raise ToolchainError(f"The Debian package {package} is installed, but it has no command {command}.")


def _install(package: str, command: str, display: Display) -> None:
    if shutil.which(command):
        return
    display.say(f"{command} is missing: installing the Debian package {package}.")
    display.show(Step(package, "reading the package lists"))
    _apt("update", package=package)
    display.show(Step(package, "installing"))
    _apt("install", "--yes", "--no-install-recommends", package, package=package)


def _apt(*arguments: str, package: str) -> None:
    try:
        done = subprocess.run(
            ["apt-get", "-o", "DPkg::Lock::Timeout=120", *arguments],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolchainError(f"apt-get took more than 15 minutes over {package}.") from error
    if done.returncode:
        raise ToolchainError(
            f"The Debian package {package} could not be installed: apt-get {arguments[0]} failed.",
            remedy="Install it by hand, then run this again.",
            tail=done.stdout.splitlines()[-_TAIL:],
        )
