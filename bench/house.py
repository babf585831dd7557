# SPDX-License-Identifier: Apache-2.0
"""A whole Fairway on a sandbox of its own, seen from outside: its processes by name, their CPU and memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import redis

import toolchain
from app.cli import install
from app.cli.sandboxed import CONTEXT
from bench import processes
from bench.api import Api
from sandbox import up as sandbox
from sandbox.forge.admin import Forge
from sandbox.registry.admin import Registry
from workers.cluster import connect

_API = ("kube-apiserver", "etcd")
_START_TIMEOUT = 120.0  # seconds


@dataclass(frozen=True)
class Used:
    """CPU seconds by process: of Fairway's own, and of the cluster's."""

    ours: Mapping[str, float]
    cluster: Mapping[str, float]

    @property
    def controller(self) -> float:
        """All of Fairway, with its Redis and its engines."""
        return sum(self.ours.values())

    @property
    def api_server(self) -> float:
        """The API server with its etcd, without the controllers of workloads."""
        return sum(self.cluster.get(name, 0.0) for name in _API)

    def since(self, before: Used) -> Used:
        """Return what has been used since an earlier look."""
        return Used(_minus(self.ours, before.ours), _minus(self.cluster, before.cluster))

    def times(self, factor: float) -> Used:
        return Used(*({n: factor * s for n, s in each.items()} for each in (self.ours, self.cluster)))


@dataclass(frozen=True)
class House:
    """A sandbox in a folder, and the Fairway that `fairway up --sandbox` runs on it."""

    folder: Path
    sandbox: sandbox.Sandbox

    @cached_property
    def forge(self) -> Forge:
        return Forge(self.sandbox.forge)

    @cached_property
    def registry(self) -> Registry:
        return Registry(self.sandbox.registry, self.sandbox.registry_control)

    @cached_property
    def api(self) -> Api:
        return Api(Path(self.sandbox.kubeconfig))

    @cached_property
    def redis(self) -> redis.Redis:
        """Fairway's Redis; its address stands in the environment of `watch`, as Celery changes a worker's."""
        [watch] = self.ours()["watch"]
        found = processes.environment(watch)["FAIRWAY_REDIS_URL"]
        return redis.Redis.from_url(found)

    @property
    def front_door(self) -> str:
        """Return where webhooks go."""
        state = json.loads((self.folder / "fairway" / "up.json").read_text())
        return str(state["web"]["url"])

    def used(self) -> Used:
        """Return the CPU that all have used since they were started."""
        return Used(_each(self.ours(), processes.cpu), _each(self.cluster(), processes.cpu))

    def memory(self) -> dict[str, float]:
        """Return the memory of Fairway's processes by name: MiB of PSS."""
        return _each(self.ours(), processes.pss)

    def ours(self) -> dict[str, list[int]]:
        """Return Fairway's processes by name; engines are apart from those who use them."""
        file = self.folder / "fairway" / "up.json"  # written by `fairway up`
        if not file.exists():
            return {}
        state = json.loads(file.read_text())
        names = {
            int(said["pid"]): role for role, said in state.items() if isinstance(said, dict) and said["pid"]
        }
        return grouped(int(state["supervisor"]["pid"]), processes.parents(), names, _engine)

    def cluster(self) -> dict[str, list[int]]:
        """Return the control plane's processes by name."""
        root = self.sandbox.pids["cluster"]
        return grouped(root, processes.parents(), {root: "etcd"}, _component)


def grouped(
    root: int, parents: Mapping[int, int], names: Mapping[int, str], own: Callable[[int, str], str]
) -> dict[str, list[int]]:
    """Return the processes from `root` down by name.

    Each is called as in `names`, else what `own` makes of it and the name of the one it belongs to.
    """
    known = dict(names)
    found = defaultdict(list)
    for pid in processes.descendants(root, parents):
        if pid not in known:
            known[pid] = own(pid, known[parents[pid]])
        found[known[pid]].append(pid)
    return dict(found)


@contextmanager
def running() -> Iterator[House]:
    """Start a sandbox, and Fairway on it, until the block ends."""
    with _sandbox() as house:
        folder = str(house.folder)
        _command("up", "--sandbox", folder, "--yes", "--detach", "--json")
        try:
            yield house
        finally:
            _command("down", "--sandbox", folder)


@contextmanager
def bare() -> Iterator[House]:
    """Start a sandbox that has Fairway's kinds, but not Fairway."""
    with _sandbox() as house:
        install.prepare(connect(kubeconfig=house.sandbox.kubeconfig, context=CONTEXT), "fairway-system")
        yield house


@contextmanager
def _sandbox() -> Iterator[House]:
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as name:
        folder = Path(name)
        try:
            yield House(folder, sandbox.up(folder, control_plane=_control_plane()))
        finally:
            sandbox.down(folder)


def _control_plane() -> Path:
    try:
        return toolchain.binary("fairway-cluster", build=False, optimised=True)
    except toolchain.ToolchainError:
        print(
            "bench: no optimised control plane is built, so figures are of the plain one, which is slower;"
            " `make bench` builds it",
            file=sys.stderr,
        )
        return toolchain.binary("fairway-cluster")


def _command(*arguments: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=_START_TIMEOUT,
        check=False,
    )
    if ended.returncode != 0:
        raise RuntimeError(ended.stderr.strip() or " ".join(arguments))


def _engine(pid: int, belongs_to: str) -> str:
    is_engine = Path(processes.command(pid)[0]).name.startswith("fairway-engine")
    return f"{belongs_to} engine" if is_engine else belongs_to


def _component(pid: int, belongs_to: str) -> str:
    words = processes.command(pid)
    return words[1] if len(words) > 1 else belongs_to


def _each(named: Mapping[str, list[int]], measure: Callable[[list[int]], float]) -> dict[str, float]:
    return {name: measure(pids) for name, pids in named.items()}


def _minus(after: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    return {name: value - before.get(name, 0.0) for name, value in after.items()}
