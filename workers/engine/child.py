# SPDX-License-Identifier: Apache-2.0
"""A Go child process that answers one JSON line for another: bounded, and replaced when it hangs or dies.

It works on one request at a time and so does its client: a lock is the queue. What a request costs in time
or memory is then its own, and a child that had to be killed takes no other request with it.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import orjson

from workers.engine.errors import EngineDied, EngineTimeout, OutputTooLarge, from_answer

PROTOCOL = 4
_START_TIMEOUT = 10.0  # seconds
_PING_TIMEOUT = 1.0
_PING_AFTER = 1.0  # seconds of silence after which an engine is asked whether it is there
_MAX_ANSWER = 128 << 20  # bytes; the engine refuses earlier, this bounds a broken one
_CHUNK = 1 << 20


class Child:
    """One child process, started when first needed; safe to share between threads.

    `what` names it in errors ("the rendering engine"); `binary` may be a way to find it. Its environment is
    empty but for `environment`, and it gets a private folder only in `scratch`. `silence` is how long, in
    seconds, a child that shows signs of life may give none before it is taken for hung.
    """

    def __init__(
        self,
        binary: Path | Callable[[], Path],
        *,
        what: str,
        scratch: Path | None = None,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        silence: float = 0.0,
    ) -> None:
        self._binary = binary
        self._silence = silence
        self._what = what
        self._scratch = scratch
        self._arguments = list(arguments)
        self._environment = dict(environment or {})
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self._buffer = bytearray()
        self._last_id = 0
        self._heard = 0.0

    @property
    def identity(self) -> str:
        """The name of the binary, which holds a digest of its sources."""
        binary = self._binary() if callable(self._binary) else self._binary
        return binary.name

    @property
    def pid(self) -> int | None:
        """The child's process id, None while there is none."""
        return self._child.pid if self._child else None

    def ask(self, operation: str, with_: Mapping[str, Any], *, timeout: float) -> Any:
        """Return the child's result; raises EngineError's subclasses. `timeout` counts from our turn."""
        with self._lock:
            self._check()
            fresh = self._child is None
            try:
                return self._exchange(operation, with_, timeout)
            except EngineDied:
                # It may have been dead before we asked (killed while idle): ask a new one, once.
                if fresh:
                    raise
                return self._exchange(operation, with_, timeout)

    def warm(self) -> None:
        """Start the child now rather than with the first request."""
        with self._lock:
            if self._child is None:
                self._start()

    def close(self) -> None:
        with self._lock:
            self._end()

    def _check(self) -> None:
        """Replace an engine that hangs while nobody asks, before a request waits out its time for it."""
        if self._child is None or time.monotonic() - self._heard < _PING_AFTER:
            return
        with contextlib.suppress(EngineTimeout, EngineDied):
            self._exchange("ping", {}, _PING_TIMEOUT)

    def _exchange(self, operation: str, with_: Mapping[str, Any], timeout: float) -> Any:
        child = self._child or self._start()
        self._last_id += 1
        deadline = time.monotonic() + timeout
        try:
            request = {"id": self._last_id, "op": operation, "with": with_}
            _send(child, orjson.dumps(request) + b"\n", deadline)
            answer = self._answer(child, deadline)
        except TimeoutError:
            self._end()
            hung = time.monotonic() < deadline
            why = "hung" if hung else f"took longer than {timeout:g}s"
            raise EngineTimeout(f"{self._what} {why} and was ended") from None
        except (OSError, orjson.JSONDecodeError) as error:
            self._end()
            raise EngineDied(f"{self._what} ended unexpectedly; it is started again") from error
        except OutputTooLarge:
            self._end()
            raise
        if problem := answer.get("error"):
            raise from_answer(problem)
        if answer.get("id") != self._last_id:
            self._end()
            raise EngineDied(f"{self._what} answered out of turn; it is started again")
        self._heard = time.monotonic()
        return answer.get("result")

    def _answer(self, child: subprocess.Popen[bytes], deadline: float) -> dict[str, Any]:
        """Read the answer; raises TimeoutError also when a child that shows life falls silent."""
        while True:
            patience = time.monotonic() + self._silence if self._silence else deadline
            answer: dict[str, Any] = orjson.loads(self._line(child, min(deadline, patience)))
            # One that was sent at the end of the last request may still be underway.
            if not answer.get("working"):
                return answer

    def _start(self) -> subprocess.Popen[bytes]:
        binary = self._binary() if callable(self._binary) else self._binary
        command = [str(binary), *self._arguments]
        if self._scratch is not None:
            self._folder = _private_folder(self._scratch)
            command += ["--scratch", str(self._folder)]
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment,
            cwd="/",
            start_new_session=True,
        )
        # A child that stops reading must not hang us in a write.
        os.set_blocking(_pipe(child.stdin).fileno(), False)
        self._child, self._buffer = child, bytearray()
        try:
            hello = orjson.loads(self._line(child, time.monotonic() + _START_TIMEOUT))["hello"]
        except (OSError, TimeoutError, KeyError, orjson.JSONDecodeError) as error:
            self._end()
            raise EngineDied(f"{self._what} {binary} does not start") from error
        if hello["protocol"] != PROTOCOL:
            self._end()
            raise EngineDied(
                f"{self._what} speaks protocol {hello['protocol']}, not {PROTOCOL}: build it again"
            )
        return child

    def _line(self, child: subprocess.Popen[bytes], deadline: float) -> bytes:
        out = _pipe(child.stdout).fileno()
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > _MAX_ANSWER:
                raise OutputTooLarge(f"the rendered objects are larger than {_MAX_ANSWER >> 20} MiB")
            _await(out, select.POLLIN, deadline)
            chunk = os.read(out, _CHUNK)
            if not chunk:
                raise BrokenPipeError("the engine closed its output")
            self._buffer += chunk
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                with contextlib.suppress(OSError):
                    _pipe(pipe).close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _send(child: subprocess.Popen[bytes], data: bytes, deadline: float) -> None:
    target = _pipe(child.stdin).fileno()
    view = memoryview(data)
    while view:
        _await(target, select.POLLOUT, deadline)
        try:
            view = view[os.write(target, view) :]
        except BlockingIOError:
            continue


def _await(descriptor: int, event: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(descriptor, event)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise TimeoutError


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise BrokenPipeError("the engine has no pipe")
    return stream


def _private_folder(base: Path) -> Path:
    """Make a folder named after our process, and remove those of processes that are gone."""
    base.mkdir(parents=True, exist_ok=True)
    for old in base.glob("fairway-render-*"):
        owner = old.name.split("-")[2]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"fairway-render-{os.getpid()}-", dir=base))
