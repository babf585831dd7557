# SPDX-License-Identifier: Apache-2.0
"""Start, look at and stop a sandbox: a cluster with its kubelet, a forge and a registry, in one folder.

Ports are chosen once and stay, so that a kubeconfig and a clone URL outlive a restart; data stay too.
"""

from __future__ import annotations

import sys
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import toolchain
from sandbox.processes import Process, SandboxError, alone, free_port, wait_for_port

__all__ = ["Sandbox", "SandboxError", "down", "running", "start_cluster", "start_registry", "status", "up"]

_START_TIMEOUT = 120.0  # seconds; a loaded machine starts a control plane slowly
_STOP_TIMEOUT = 5.0
_NAMES = ("cluster", "kubelet", "forge", "registry")


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox: how to reach it, and its processes by name."""

    kubeconfig: str
    forge: str
    registry: str
    registry_control: str
    pids: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def up(folder: Path, *, control_plane: Path | None = None) -> Sandbox:
    """Start whatever of the sandbox does not run; raises SandboxError.

    `control_plane` is a fairway-cluster to run instead of the usual build.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder), ThreadPoolExecutor(3) as pool:
        starting: list[Future[Any]] = [
            pool.submit(start_cluster, folder, control_plane),
            pool.submit(_start_forge, folder),
            pool.submit(start_registry, folder),
        ]
        for started in starting:
            started.result()
    found = status(folder)
    if found is None:
        raise SandboxError(f"the sandbox in {folder} ended right after it had started; see {folder / 'logs'}")
    return found


def status(folder: Path) -> Sandbox | None:
    """Return the sandbox if all of it runs."""
    facts = {name: Process(folder.absolute(), name).facts() for name in _NAMES}
    cluster, forge, registry = facts["cluster"], facts["forge"], facts["registry"]
    if cluster is None or forge is None or registry is None or facts["kubelet"] is None:
        return None
    if "kubeconfig" not in cluster or "url" not in forge or "url" not in registry:
        return None
    pids = {name: found["pid"] for name, found in facts.items() if found}
    return Sandbox(cluster["kubeconfig"], forge["url"], registry["url"], registry["control"], pids)


def running(folder: Path) -> dict[str, int]:
    """Return the processes that run, also when the sandbox is not whole."""
    facts = {name: Process(folder.absolute(), name).facts() for name in _NAMES}
    return {name: found["pid"] for name, found in facts.items() if found}


def down(folder: Path) -> None:
    """Stop what `up` started; data stay. Raises SandboxError when a process cannot be ended."""
    if not folder.is_dir():
        return
    with alone(folder):
        for name in ("kubelet", "forge", "registry", "cluster"):
            Process(folder.absolute(), name).stop(_STOP_TIMEOUT)


def start_cluster(folder: Path, control_plane: Path | None = None) -> None:
    """Start control plane and kubelet, whichever does not run; raises SandboxError."""
    cluster, kubelet = Process(folder, "cluster"), Process(folder, "kubelet")
    facts = cluster.facts()
    if facts is None or "kubeconfig" not in facts:
        cluster.stop(_STOP_TIMEOUT)
        binary = control_plane or _binary("fairway-cluster")
        wait_for_port(folder / "cluster" / "port", _STOP_TIMEOUT)
        facts = cluster.start([str(binary), "--dir", str(folder / "cluster")], timeout=_START_TIMEOUT)
    if kubelet.facts() is None:
        command = [sys.executable, "-m", "sandbox.kubelet", "--kubeconfig", str(facts["kubeconfig"])]
        kubelet.start(command, timeout=_START_TIMEOUT)


def _start_forge(folder: Path) -> None:
    forge = Process(folder, "forge")
    facts = forge.facts()
    if facts is None or "url" not in facts:
        forge.stop(_STOP_TIMEOUT)
        port = str(free_port(folder / "forge.port"))
        command = [sys.executable, "-m", "sandbox.forge", "--dir", str(folder / "forge"), "--port", port]
        forge.start(command, timeout=_START_TIMEOUT)


def start_registry(folder: Path, *options: str) -> dict[str, Any]:
    """Start the registry unless it runs, with more options of fairway-registry; returns what it said.

    Raises SandboxError.
    """
    registry = Process(folder, "registry")
    facts = registry.facts()
    if facts is None or "url" not in facts:
        registry.stop(_STOP_TIMEOUT)
        binary = _binary("fairway-registry")
        port = str(free_port(folder / "registry.port"))
        wait_for_port(folder / "registry.port", _STOP_TIMEOUT)
        command = [str(binary), "--dir", str(folder / "registry"), "--port", port, *options]
        facts = registry.start(command, timeout=_START_TIMEOUT)
    return facts


def _binary(name: str) -> Path:
    try:
        return toolchain.binary(name)
    except toolchain.ToolchainError as error:
        raise SandboxError(str(error)) from error
