# SPDX-License-Identifier: Apache-2.0
"""Build the wheel of one platform, with the Go parts inside, so that an installed Fairway needs no Go."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from toolchain import golang
from toolchain.errors import ToolchainError

_TAIL = 12

# The Go parts are static, so they run on every libc; the tags say so to pip.
_TAGS = {
    "linux/amd64": "manylinux_2_17_x86_64.musllinux_1_1_x86_64",
    "linux/arm64": "manylinux_2_17_aarch64.musllinux_1_1_aarch64",
}


def build(root: Path, binaries: Mapping[str, Path], dist: Path) -> Path:
    """Build the wheel of the source tree at `root` into `dist` and return its path.

    The tree itself is left as it is: packages and binaries are put together in a temporary one.
    """
    platform = golang.find().platform
    if platform not in _TAGS:
        raise ToolchainError(f"There are no wheels for {platform}.", remedy="Run Fairway from a checkout.")
    with tempfile.TemporaryDirectory(prefix="fairway-wheel-") as temporary:
        tree = Path(temporary) / "tree"
        _copy(root, tree)
        packaged = tree / "toolchain" / "bin"
        packaged.mkdir()
        for name, path in binaries.items():
            shutil.copy(path, packaged / name)
            (packaged / name).chmod(0o755)
        dist.mkdir(parents=True, exist_ok=True)
        built = _build(tree, Path(temporary) / "dist", _TAGS[platform])
        target = dist / built.name
        shutil.move(built, target)
    return target


def _copy(root: Path, tree: Path) -> None:
    """Copy what the packaging reads: the Python packages and the files beside them, no caches or builds."""
    tree.mkdir()
    for path in sorted(root.iterdir()):
        if path.is_dir() and (path / "__init__.py").is_file() and path.name != "tests":
            ignored = shutil.ignore_patterns(
                "__pycache__", "*.pyc", "bin" if path.name == "toolchain" else ""
            )
            shutil.copytree(path, tree / path.name, ignore=ignored)
        elif path.name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(path, tree / path.name)


def _build(tree: Path, dist: Path, tags: str) -> Path:
    """Build a wheel, which setuptools believes to be for any platform, and write the right ones into it."""
    _run("-m", "build", "--wheel", "--no-isolation", "--outdir", str(dist), str(tree))
    plain = next(dist.glob("*.whl"))
    _run("-m", "wheel", "tags", "--remove", "--platform-tag", tags, str(plain))
    return next(dist.glob("*.whl"))


def _run(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", "315532800")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ToolchainError("The wheel was not built.", tail=done.stdout.splitlines()[-_TAIL:])
