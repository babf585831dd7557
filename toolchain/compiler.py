# SPDX-License-Identifier: Apache-2.0
"""Compile one Go module and say all along how far it is.

`go list` says which packages are needed and which of them Go's build cache has already; `go build -v` names
each of the others when its turn comes. So the count is right also after an interrupted run.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from toolchain import commands, machine
from toolchain.errors import explain
from toolchain.golang import Go
from toolchain.modules import Module
from toolchain.progress import Display, Step

_LIST_FORMAT = "{{.ImportPath}}\t{{.Stale}}\t{{.Name}}"

# Compiling so few is a matter of seconds, and nothing to announce.
_FEW_PACKAGES = 20


@dataclass(frozen=True)
class Plan:
    """The packages of a build, those that are not in Go's build cache yet, and those that are programs."""

    packages: frozenset[str]
    missing: frozenset[str]
    programs: frozenset[str]


@dataclass
class Compiler:
    """Go at work on one module; the go command inherits `lock`, and so keeps it when its parent is killed."""

    module: Module
    directory: Path
    go: Go
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    display: Display
    optimised: bool = False
    lock: int | None = None
    _started: float = field(default_factory=time.monotonic)

    def build(self, output: Path) -> None:
        """Compile and link into `output`; raises ToolchainError with the end of the log."""
        plan = self._plan(".")
        code, lines = self._compile(plan, ["build", "-v", *self.arguments, "-o", str(output), "."])
        if code:
            raise explain(self.module.name, lines, self.log)

    def vet(self) -> list[str]:
        """Run `go vet` with the build's flags, so that both share one cache; returns what it found.

        The first time it also looks at every dependency, as long again as half a build.
        """
        plan = self._plan("./...")
        code, lines = self._compile(plan, ["vet", "-v", *self.arguments, "./..."], then="vetting")
        return [line for line in lines if line not in plan.packages] if code else []

    def test(self) -> tuple[bool, list[str]]:
        """Run `go test` with the build's flags; returns whether all passed, and what it printed."""
        plan = self._plan("./...")
        self._compile(plan, ["build", "-v", *self.arguments, "-o", "/dev/null", "./..."])
        command = [
            "test",
            "-vet=off",
            *self.arguments,
            "./...",
        ]  # vet has its own command, and takes its time
        code, lines = self._follow(command, lambda: self._step("testing"))
        return code == 0, lines

    def _plan(self, pattern: str) -> Plan:
        """List the packages, fetching modules where some are missing, and announce what takes its time."""
        plan = self._list(pattern, environment={**self.environment, "GOPROXY": "off"})
        if plan is None:
            self._announce(packages=0, missing=0)
            plan = self._list(pattern, environment=self.environment)
        elif len(plan.missing) > _FEW_PACKAGES:
            self._announce(packages=len(plan.packages), missing=len(plan.missing))
        if plan is None:
            raise explain(self.module.name, self.log.read_text().splitlines(), self.log)
        return plan

    def _list(self, pattern: str, *, environment: Mapping[str, str]) -> Plan | None:
        """Ask Go for the packages; None when it cannot say, and the log says why."""
        fetched: list[str] = []

        def line(text: str) -> None:
            if text.startswith("go: downloading "):
                fetched.append(text)

        def step() -> Step:
            return self._step("fetching modules" if fetched else "looking what is there", done=len(fetched))

        command = ["list", "-deps", *self.arguments, "-f", _LIST_FORMAT, pattern]
        with tempfile.TemporaryFile("w+") as output:
            code, _ = self._follow(command, step, line=line, output=output, environment=environment)
            output.seek(0)
            return None if code else _parse(output)

    def _compile(self, plan: Plan, command: Sequence[str], *, then: str = "linking") -> tuple[int, list[str]]:
        total, waiting = len(plan.packages), set(plan.missing)

        def step() -> Step:
            doing = "compiling" if waiting - plan.programs else then
            return self._step(doing, done=total - len(waiting), total=total)

        return self._follow(command, step, line=waiting.discard)

    def _follow(
        self,
        command: Sequence[str],
        step: Callable[[], Step],
        *,
        line: Callable[[str], None] = lambda text: None,
        output: IO[str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> tuple[int, list[str]]:
        """Run a go command with its log and its steps on the display; returns its exit code and its lines."""
        lines: list[str] = []
        with self.log.open("w", buffering=1) as log:

            def take(text: str) -> None:
                log.write(f"{text}\n")
                lines.append(text)
                line(text)

            code = commands.run(
                [self.go.command, *command],
                directory=self.directory,
                environment=environment or self.environment,
                line=take,
                tick=lambda: self.display.show(step()),
                output=output,
                descriptors=[] if self.lock is None else [self.lock],
            )
        return code, lines

    def _step(self, doing: str, *, done: int = 0, total: int = 0) -> Step:
        return Step(self.module.name, doing, done, total, time.monotonic() - self._started)

    def _announce(self, *, packages: int, missing: int) -> None:
        self.display.say(
            machine.announcement(self.module, packages=packages, missing=missing, optimised=self.optimised)
        )
        share = missing / packages if packages else 1.0
        for warning in machine.warnings(self.module, environment=self.environment, share=share):
            self.display.say(warning)


def _parse(listing: Iterable[str]) -> Plan:
    rows = [line.rstrip("\n").split("\t") for line in listing]
    packages = {path: name for path, _, name in rows if path != "unsafe"}  # built into the compiler
    missing = frozenset(path for path, stale, _ in rows if stale == "true" and path in packages)
    programs = frozenset(path for path, name in packages.items() if name == "main")
    return Plan(frozenset(packages), missing, programs)
