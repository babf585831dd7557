# SPDX-License-Identifier: Apache-2.0
"""Run git as a child that knows nothing of this machine: no configuration, hooks, helpers, prompts or home.

What the child may do is bounded in time (the whole process group is killed) and in file size. Output goes to
memory files, so that waiting for the child is all there is to wait for.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from workers.git.errors import GitError

Config = Sequence[tuple[str, str]]

# Applies to every call. Packs need no fsync: a mirror that a crash damaged is thrown away and fetched again.
_BASE: Config = (
    ("core.hooksPath", os.devnull),
    ("core.askPass", ""),
    ("core.attributesFile", os.devnull),
    ("core.fsync", "none"),
    ("core.bigFileThreshold", "16m"),
    ("credential.helper", ""),
    ("safe.directory", "*"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("pack.threads", "2"),
    ("protocol.allow", "never"),
    ("protocol.http.allow", "always"),
    ("protocol.https.allow", "always"),
    ("protocol.version", "2"),
    ("fetch.writeCommitGraph", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("fetch.unpackLimit", "1"),  # a pack appears whole or not at all; loose objects come one by one
    ("transfer.fsckObjects", "true"),
    # Flaws of old tools that real histories are full of and that endanger nobody.
    *(
        (f"fetch.fsck.{flaw}", "ignore")
        for flaw in ("zeroPaddedFilemode", "badTimezone", "missingSpaceBeforeDate")
    ),
    *((f"fetch.fsck.{flaw}", "ignore") for flaw in ("missingEmail", "missingSpaceBeforeEmail", "badEmail")),
)
_MOST_OUTPUT = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Ended:
    """How a git command ended; `code` is None when it was killed because its time was up."""

    code: int | None
    stdout: str
    stderr: str


def run(
    arguments: Sequence[str],
    *,
    git_dir: Path,
    timeout: float,
    config: Config = (),
    inherit: Iterable[int] = (),
    largest_file: int | None = None,
) -> Ended:
    """Run git in a bare repository for at most `timeout` seconds; `inherit` are descriptors it may use.

    How it ends is the caller's to judge; raises GitError only when there is no git.
    """
    with ExitStack() as stack:
        out, err = (stack.enter_context(open(os.memfd_create(name), "w+b")) for name in ("stdout", "stderr"))
        try:
            process = subprocess.Popen(
                ["git", *arguments],
                cwd="/",
                env=_environment(git_dir, (*_BASE, *config)),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                pass_fds=tuple(inherit),
                start_new_session=True,
                restore_signals=False,  # SIGXFSZ stays ignored, so that git can say "File too large"
            )
        except FileNotFoundError as error:
            raise GitError("git was not found", remedy="install git 2.37 or newer") from error
        in_time = False
        try:
            _limit(process.pid, largest_file)
            in_time = _wait(process.pid, timeout)
        finally:
            # Also after a normal end: no helper of git's may live on. The leader is not reaped yet, so its
            # id is still its own.
            os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
        return Ended(code if in_time else None, _read(out), _read(err))


def _environment(git_dir: Path, config: Config) -> dict[str, str]:
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",  # no ~/.netrc either
        "LC_ALL": "C",
        "GIT_DIR": str(git_dir),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": str(len(config)),
    }
    for index, (key, value) in enumerate(config):
        environment[f"GIT_CONFIG_KEY_{index}"] = key
        environment[f"GIT_CONFIG_VALUE_{index}"] = value
    return environment


def _limit(pid: int, largest_file: int | None) -> None:
    if largest_file is not None:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest_file, largest_file))


def _wait(pid: int, timeout: float) -> bool:
    """Wait without polling, since Popen.wait with a timeout sleeps up to 50 ms too long."""
    process = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(process, select.POLLIN)
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            if poll.poll(max(1, int(left * 1000))):
                return True
        return False
    finally:
        os.close(process)


def _read(stream: BinaryIO) -> str:
    stream.seek(0)
    return stream.read(_MOST_OUTPUT).decode(errors="surrogateescape")
