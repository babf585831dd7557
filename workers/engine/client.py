# SPDX-License-Identifier: Apache-2.0
"""Ask the engine, bound what it may take, and replace it when it hangs or dies.

kustomize is not safe in parallel, so the engine works on one request at a time and so does its client: a
lock is the queue. What a request costs in time or memory is then its own, and a child that had to be
killed takes no other request with it.
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
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import orjson

from policies.objects import Object
from workers.engine.errors import EngineDied, EngineTimeout, OutputTooLarge, from_answer

PROTOCOL = 1
_START_TIMEOUT = 10.0  # seconds
_PING_TIMEOUT = 1.0
_PING_AFTER = 1.0  # seconds of silence after which an engine is asked whether it is there
_MAX_ANSWER = 128 << 20  # bytes; the engine refuses earlier, this bounds a broken one
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """A source tree (tar.gz and its digest), the live Kustomization, and its resolved variables."""

    artifact: Path
    digest: str
    kustomization: Object
    variables: dict[str, str] = field(default_factory=dict)
    strict: bool = True


@dataclass(frozen=True, slots=True)
class BuildResult:
    """The objects in kustomize's order, the file each came from ("" when unknown), and their digest."""

    objects: list[Object]
    origins: list[str]
    digest: str


class Engine:
    """One child process, started when first needed; safe to share between threads."""

    def __init__(self, binary: Path, *, scratch: Path | None = None) -> None:
        self._binary = binary
        self._scratch = scratch
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self._buffer = bytearray()
        self._last_id = 0
        self._heard = 0.0

    @property
    def pid(self) -> int | None:
        """The child's process id, None while there is none."""
        return self._child.pid if self._child else None

    def build(self, request: BuildRequest, *, timeout: float) -> BuildResult:
        """Render a Kustomization; raises EngineError's subclasses. `timeout` counts from our turn."""
        answer = self._call(
            {
                "op": "build",
                "artifact": str(request.artifact),
                "digest": request.digest,
                "kustomization": request.kustomization,
                "variables": request.variables,
                "strict": request.strict,
            },
            timeout,
        )
        return BuildResult(answer["objects"], answer["origins"], answer["digest"])

    def warm(self) -> None:
        """Start the child now rather than with the first request."""
        with self._lock:
            if self._child is None:
                self._start()

    def close(self) -> None:
        with self._lock:
            self._end()

    def _call(self, request: dict[str, Any], timeout: float) -> dict[str, Any]:
        with self._lock:
            self._check()
            fresh = self._child is None
            try:
                return dict(self._exchange(request, timeout)["build"])
            except EngineDied:
                # It may have been dead before we asked (killed while idle): ask a new one, once.
                if fresh:
                    raise
                return dict(self._exchange(request, timeout)["build"])

    def _check(self) -> None:
        """Replace an engine that hangs while nobody asks, before a build has to wait out its time for it."""
        if self._child is None or time.monotonic() - self._heard < _PING_AFTER:
            return
        with contextlib.suppress(EngineTimeout, EngineDied):
            self._exchange({"op": "ping"}, _PING_TIMEOUT)

    def _exchange(self, request: dict[str, Any], timeout: float) -> dict[str, Any]:
        child = self._child or self._start()
        self._last_id += 1
        deadline = time.monotonic() + timeout
        try:
            _send(child, orjson.dumps({"id": self._last_id, **request}) + b"\n", deadline)
            answer = orjson.loads(self._line(child, deadline))
        except TimeoutError:
            self._end()
            raise EngineTimeout(f"rendering took longer than {timeout:g}s and was ended") from None
        except (OSError, orjson.JSONDecodeError) as error:
            self._end()
            raise EngineDied("the rendering engine ended unexpectedly; it is started again") from error
        except OutputTooLarge:
            self._end()
            raise
        if problem := answer.get("error"):
            raise from_answer(problem)
        if answer.get("id") != self._last_id:
            self._end()
            raise EngineDied("the rendering engine answered out of turn; it is started again")
        self._heard = time.monotonic()
        return dict(answer)

    def _start(self) -> subprocess.Popen[bytes]:
        self._folder = _private_folder(self._scratch)
        child = subprocess.Popen(
            [self._binary, "--scratch", self._folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={},
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
            raise EngineDied(f"the rendering engine {self._binary} does not start") from error
        if hello["protocol"] != PROTOCOL:
            self._end()
            raise EngineDied(
                f"the rendering engine speaks protocol {hello['protocol']}, not {PROTOCOL}: build it again"
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


def _private_folder(parent: Path | None) -> Path:
    """Make a folder named after our process, and remove those of processes that are gone."""
    base = parent or Path(tempfile.gettempdir())
    base.mkdir(parents=True, exist_ok=True)
    for old in base.glob("fairway-render-*"):
        owner = old.name.split("-")[2]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"fairway-render-{os.getpid()}-", dir=base))
