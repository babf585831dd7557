# SPDX-License-Identifier: Apache-2.0
"""Find a Go part: packaged in a wheel, else built before from the same sources, else build it now.

One build runs at a time, among all processes and threads: two would only take each other's cores and memory.
Who waits for it sees that.
"""

from __future__ import annotations

import os
import time
from contextlib import AbstractContextManager
from pathlib import Path

from toolchain import cache, golang, machine, modules
from toolchain.compiler import Compiler
from toolchain.errors import ToolchainError
from toolchain.modules import Module
from toolchain.progress import Display, Step, duration, shown, standard

PACKAGED = Path(__file__).resolve().parent / "bin"

# Sources that are edited while they are compiled: try again, but not for ever.
_ATTEMPTS = 3


def binary(
    name: str,
    *,
    build: bool = True,
    optimised: bool = False,
    display: Display | None = None,
    root: Path = modules.ROOT,
    packaged: Path = PACKAGED,
) -> Path:
    """Return the path of an executable Go part, such as `fairway-engine`.

    With `build` it is compiled when it is neither packaged nor cached, with its progress on `display` (else
    on standard error). Raises ToolchainError with a text for the user.
    """
    module = modules.find(name)
    if (packaged / module.name).is_file():
        return packaged / module.name
    workshop = Workshop(module, root=root, optimised=optimised)
    target = workshop.target()
    if target.is_file():
        cache.touch(target)
        return target
    if not build:
        raise ToolchainError(
            f"{module.name} has not been built from these sources yet.",
            remedy=f"Run `python -m toolchain build {module.name.removeprefix('fairway-')}`.",
        )
    return workshop.make(display or standard())


class Workshop:
    """Builds one module of a source tree into the cache."""

    def __init__(self, module: Module, *, root: Path = modules.ROOT, optimised: bool = False) -> None:
        self.module = module
        self.directory = root / module.directory
        if not (self.directory / "go.mod").is_file():
            raise ToolchainError(
                f"This installation has neither {module.name} nor its sources.",
                remedy="Install Fairway from a wheel for this platform, or run it from a checkout.",
            )
        self.optimised = optimised
        self.go = golang.find()
        self.arguments = modules.flags(self.directory, optimised=optimised)

    def target(self) -> Path:
        """Say where in the cache the binary of the sources as they are now belongs."""
        key = modules.key(self.directory, self.arguments, version=self.go.version, platform=self.go.platform)
        return cache.directory() / "bin" / f"{self.module.name}-{key}"

    def make(self, display: Display) -> Path:
        """Build it, unless somebody else has while we waited for our turn."""
        with shown(display, self.module.name), self._turn(display) as lock:
            for _ in range(_ATTEMPTS):
                target = self.target()
                if target.is_file():
                    return target
                started = time.monotonic()
                if self._build(target, self.compiler(display, lock)):
                    display.say(f"{self.module.name} is built, in {duration(time.monotonic() - started)}.")
                    return target
        raise ToolchainError(f"The sources in {self.directory} change faster than they compile.")

    def compiler(self, display: Display, lock: int | None = None) -> Compiler:
        """Prepare Go for this module: its environment, its flags, and a log in the cache."""
        folder = cache.directory()
        log = cache.make(folder / "log") / f"{self.module.name}.log"
        environment = golang.environment(os.environ, folder)
        memory = machine.free_memory()
        limit = machine.jobs(self.module, cores=machine.cores(), memory=memory)
        if limit and "-p=" not in environment.get("GOFLAGS", ""):
            environment["GOFLAGS"] = f"{environment.get('GOFLAGS', '')} -p={limit}".strip()
        return Compiler(
            self.module,
            self.directory,
            self.go,
            self.arguments,
            environment,
            log,
            display,
            optimised=self.optimised,
            lock=lock,
        )

    def _build(self, target: Path, compiler: Compiler) -> bool:
        """Build and put the binary in its place; False when its sources changed meanwhile."""
        partial = cache.make(target.parent) / f"{target.name}.partial"
        try:
            compiler.build(partial)
            unchanged = self.target() == target
            if unchanged:
                cache.put(partial, target)
                cache.discard_unused(self.module.name, keep=target, now=time.time())
            return unchanged
        finally:
            partial.unlink(missing_ok=True)

    def _turn(self, display: Display) -> AbstractContextManager[int]:
        """Wait until no other build runs on this cache."""
        started = time.monotonic()

        def waiting(owner: str) -> None:
            seconds = time.monotonic() - started
            display.show(Step(self.module.name, f"waits for {owner}", seconds=seconds))

        owner = f"the build of {self.module.name} (process {os.getpid()})"
        return cache.locked(cache.directory() / "build.lock", owner, waiting=waiting)
