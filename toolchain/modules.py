# SPDX-License-Identifier: Apache-2.0
"""The Go parts of Fairway: where each lives, how it is compiled, what that costs, and the key of its sources.

A module's `build.json` holds its flags, so that a build by hand, in a test and in a wheel are the same build.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from toolchain.errors import ToolchainError

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Cost:
    """What a first build takes, measured from empty caches on two cores; minutes are of one core."""

    minutes: float
    optimised_minutes: float
    disk_mib: int
    memory_mib: int
    download_mib: int


@dataclass(frozen=True)
class Module:
    name: str
    directory: str
    purpose: str
    cost: Cost


MODULES = (
    Module("fairway-engine", "engine", "kustomize and its libraries", Cost(2, 2, 650, 630, 40)),
    Module("fairway-sops", "engine/sops", "SOPS and the key services it knows", Cost(3, 3, 700, 750, 190)),
    Module(
        "fairway-cluster",
        "sandbox/cluster",
        "the sandbox's etcd and Kubernetes",
        Cost(8.6, 12, 3000, 2000, 110),
    ),
    Module(
        "fairway-registry", "sandbox/registry", "the sandbox's image registry", Cost(1.5, 1.5, 330, 600, 40)
    ),
)


def find(name: str) -> Module:
    """Find a module by its binary's name or by its last word (`engine`)."""
    for module in MODULES:
        if name in (module.name, module.name.removeprefix("fairway-")):
            return module
    known = ", ".join(module.name for module in MODULES)
    raise ToolchainError(f"Fairway has no Go part {name!r}.", remedy=f"There are: {known}.")


def flags(directory: Path, *, optimised: bool) -> list[str]:
    """Read the arguments of `go build` from the module's build.json."""
    path = directory / "build.json"
    try:
        content = json.loads(path.read_text())
        chosen = content.get("bench_flags", content["flags"]) if optimised else content["flags"]
        # Without VCS stamps a commit that touches nothing of the module leaves its binary as it is.
        return [*chosen, "-buildvcs=false", f"-ldflags={content['ldflags']}"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ToolchainError(f"{path} does not describe a build: {error!r}.") from error


def key(directory: Path, arguments: list[str], *, version: str, platform: str) -> str:
    """Hash what decides the binary: sources, go.mod, go.sum, flags, Go version and platform."""
    digest = hashlib.sha256()
    for part in (version, platform, *arguments):
        digest.update(f"{len(part)}:{part}".encode())
    for path in sorted(directory.rglob("*")):
        relative = path.relative_to(directory)
        if path.is_file() and _is_source(relative) and not _is_nested(directory, relative):
            content = path.read_bytes()
            digest.update(f"{relative.as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()[:20]


def _is_nested(directory: Path, relative: Path) -> bool:
    """Leave out what Go leaves out: the modules that lie in folders of this one."""
    return any((directory / parent / "go.mod").is_file() for parent in relative.parents if parent.parts)


def _is_source(relative: Path) -> bool:
    """Count every file that Go may compile or embed; build.json is in the key by its flags."""
    hidden = any(part.startswith((".", "_")) or part == "testdata" for part in relative.parts)
    ignored = relative.name.endswith(("_test.go", ".md", ".py")) or relative.name == "build.json"
    return not hidden and not ignored
