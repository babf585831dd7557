# SPDX-License-Identifier: Apache-2.0
"""Everything the story needs, started with a line each: cluster, forge, Fairway."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

import toolchain
from policies.errors import FairwayError
from sandbox import up as sandbox
from sandbox.forge.admin import Forge
from sandbox.registry.admin import Registry
from workers.cluster import Client, connect

_UP_TIMEOUT = 90.0  # seconds


class Stage:
    """A sandbox with Fairway on it, in one folder; what went up comes down again."""

    def __init__(self, folder: Path, console: Console) -> None:
        self.folder = folder
        self.console = console
        self.addresses: dict[str, Any] = {}
        self._sandbox: sandbox.Sandbox | None = None

    def set_up(self) -> None:
        """Start everything; raises FairwayError with what to do."""
        self.console.print("[bold]Fairway demo[/bold]")
        toolchain.binary("fairway-engine")
        toolchain.binary("fairway-cluster")
        toolchain.binary("fairway-registry")
        started = time.monotonic()
        self._sandbox = sandbox.up(self.folder)
        self._tick(
            "cluster",
            f"Kubernetes {self._version()}, real API server",
            started,
            f"KUBECONFIG={self.kubeconfig}",
        )
        self._tick("forge", self.forge.url, started, "")
        started = time.monotonic()
        self.addresses = self._fairway("up", "--yes", "--detach", "--json")
        self._tick("fairway", "web, worker, watch", started, self.addresses["web"]["internal_url"])

    def tear_down(self) -> None:
        """Stop everything that was started."""
        if self.addresses:
            self._fairway("down")
        sandbox.down(self.folder)

    @property
    def kubeconfig(self) -> str:
        return str(self._up.kubeconfig)

    @cached_property
    def forge(self) -> Forge:
        return Forge(self._up.forge)

    @cached_property
    def registry(self) -> Registry:
        return Registry(self._up.registry, self._up.registry_control)

    @cached_property
    def cluster(self) -> Client:
        return connect(kubeconfig=self.kubeconfig, context="fairway-sandbox")

    @property
    def front_door(self) -> str:
        """Return where webhooks go."""
        return str(self.addresses["web"]["url"])

    @property
    def page(self) -> str:
        return str(self.addresses["web"]["internal_url"])

    def show_addresses(self) -> None:
        """Say where to look while the demo stays up."""
        self.console.print("\nIt stays up until Ctrl-C. Look at")
        for what, where in (
            ("the forge", self.forge.url),
            ("the registry", self._up.registry),
            ("the pages", self.page),
            ("the cluster", f"export KUBECONFIG={self.kubeconfig}"),
            ("the logs", self.addresses.get("logs", "")),
        ):
            self.console.print(f"  {what:<12} {escape(str(where))}", soft_wrap=True)

    def show_logs(self) -> None:
        """Print the last lines of each log, so that a failure can be understood from the output alone."""
        for log in sorted(self.folder.glob("fairway/logs/*.log")):
            lines = log.read_text(errors="replace").splitlines()[-12:]
            self.console.print(f"\n[dim]{log.name}[/dim]")
            for line in lines:
                self.console.print(f"  [dim]{escape(line[:200])}[/dim]", soft_wrap=True)

    @property
    def _up(self) -> sandbox.Sandbox:
        if self._sandbox is None:
            raise FairwayError("the sandbox is not up")
        return self._sandbox

    def _version(self) -> str:
        return str(self.cluster.request("GET", "/version")["gitVersion"]).removeprefix("v")

    def _tick(self, what: str, text: str, started: float, where: str) -> None:
        took = f"{time.monotonic() - started:.1f} s"
        line = f" [green]✓[/green] {what:<10} {escape(text):<48} {took:>7}   {escape(where)}"
        self.console.print(line.rstrip(), soft_wrap=True)

    def _fairway(self, command: str, *arguments: str) -> dict[str, Any]:
        ended = subprocess.run(
            [sys.executable, "-m", "app.cli", command, "--sandbox", str(self.folder), *arguments],
            env={**os.environ, "FAIRWAY_PUBLIC_URL": ""},
            capture_output=True,
            text=True,
            timeout=_UP_TIMEOUT,
            check=False,
        )
        if ended.returncode != 0:
            raise FairwayError(f"fairway {command} failed: {ended.stderr.strip() or ended.stdout.strip()}")
        if "--json" not in arguments:
            return {}
        answer: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
        return answer
