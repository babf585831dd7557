# SPDX-License-Identifier: Apache-2.0
"""The folder of one running Fairway: who runs there, what it said when it was ready, its logs and data."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.cli.identity import Identity
from policies.errors import FairwayError


class AlreadyRunning(FairwayError):
    """Somebody runs Fairway in this folder."""


class State:
    """One folder; at most one supervisor holds it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def prepare(self) -> None:
        """Make the folder, for its owner's eyes only: settings and logs lie in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        self.logs.mkdir(exist_ok=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder until the block, or this process, ends; raises AlreadyRunning."""
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise self.taken() from None
            yield

    def taken(self) -> AlreadyRunning:
        found = self.read() or {}
        pid = found.get("supervisor", {}).get("pid", "unknown")
        return AlreadyRunning(
            f"Fairway runs in {self.folder} already (pid {pid})", remedy=f"fairway down --dir {self.folder}"
        )

    def read(self) -> dict[str, Any] | None:
        """Return what the supervisor that runs here wrote last; None when none does."""
        try:
            found: dict[str, Any] = json.loads(self._file.read_text())
            return found if self._supervisor(found).alive() else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def supervisor(self) -> Identity | None:
        """Return who supervises here, if somebody does."""
        found = self.read()
        return self._supervisor(found) if found else None

    def write(self, state: Mapping[str, Any]) -> None:
        """Replace what is known, at once for whoever reads it."""
        temporary = self._file.with_suffix(".tmp")
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(state))
        temporary.replace(self._file)

    def forget(self) -> None:
        self._file.unlink(missing_ok=True)

    @property
    def _file(self) -> Path:
        return self.folder / "up.json"

    @staticmethod
    def _supervisor(found: Mapping[str, Any]) -> Identity:
        return Identity(int(found["supervisor"]["pid"]), int(found["supervisor"]["started"]))


def root() -> Path:
    """Return the folder of the folders that have no name of their own."""
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return base / "fairway"


def folder_for(directory: Path | None, context: str | None, sandbox: Path | None) -> Path:
    """Return where a Fairway's state lies: as asked, in its sandbox, or by its context's name."""
    if directory:
        return directory.absolute()
    if sandbox:
        return sandbox.absolute() / "fairway"
    # A context may be called anything, also ../x.
    return root() / (quote(context or "", safe="").replace(".", "%2E") or "default")


def running() -> list[State]:
    """Return those that run in folders of their context's name."""
    if not root().is_dir():
        return []
    states = [State(folder) for folder in sorted(root().iterdir()) if folder.is_dir()]
    return [state for state in states if state.read()]
