# SPDX-License-Identifier: Apache-2.0
"""The sandbox's registry: who may do what, and who hears of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from sandbox.processes import Process, SandboxError
from sandbox.registry.admin import Login, Registry, RegistryError
from sandbox.registry.images import image
from sandbox.up import start_registry
from tests.fixtures.registry import ADA, BOB, running_registry


class Listener:
    """Takes notifications as a receiver would; `status` is what it answers."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, str]] = []
        self.status = 200
        self.refused = 0
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(listener.status)
                self.end_headers()
                listener.refused += listener.status != 200
                if listener.status == 200:
                    for event in body["events"]:
                        target = event["target"]
                        seen = (event["action"], target["repository"], target.get("tag") or target["digest"])
                        listener.events.append(seen)

            def log_message(self, format: str, *arguments: object) -> None:
                return

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def listener(registry: Registry) -> Iterator[Listener]:
    """A listener to which the registry's notifications go."""
    running = Listener()
    registry.notify([running.url])
    yield running
    registry.notify([])
    running.stop()


def test_a_push_and_a_deletion_are_told(registry: Registry, listener: Listener) -> None:
    pushed = registry.push("told/web", "1.0.0")
    until(lambda: ("push", "told/web", "1.0.0") in listener.events)
    registry.delete("told/web", pushed.digest)
    # Of its tag too, and not of the blobs or of what is read.
    gone = {("delete", "told/web", pushed.digest), ("delete", "told/web", "1.0.0")}
    until(lambda: gone <= set(listener.events))
    assert len(listener.events) == 3


def test_a_notification_that_nobody_took_is_sent_again(registry: Registry, listener: Listener) -> None:
    listener.status = 503
    registry.push("again/web", "1.0.0")
    until(lambda: listener.refused > 0)
    assert listener.events == []
    listener.status = 200
    until(lambda: ("push", "again/web", "1.0.0") in listener.events)


def test_the_same_image_has_the_same_digest(registry: Registry) -> None:
    first = registry.push("same/web", "1.0.0", revision="a")
    assert registry.push("other/web", "1.0.0", revision="a").digest == first.digest
    assert registry.push("same/web", "1.0.1", revision="a").digest != first.digest
    assert registry.digest("same/web", "1.0.0") == first.digest
    assert registry.tags("same/web") == ["1.0.0", "1.0.1"]


def test_tags_are_made_of_what_is_there_only(registry: Registry) -> None:
    pushed = registry.push("many/web", "1.0.0")
    registry.tag_many("many/web", pushed.digest, ["1.0.1", "1.0.2"])
    assert registry.tags("many/web") == ["1.0.0", "1.0.1", "1.0.2"]
    assert registry.digest("many/web", "1.0.2") == pushed.digest
    with pytest.raises(RegistryError, match="many/web has no manifest"):
        registry.tag_many("many/web", image(version="other").digest, ["1.0.3"])
    with pytest.raises(RegistryError, match="cannot be a tag"):
        registry.tag_many("many/web", pushed.digest, ["../../x"])


def test_each_user_may_use_what_is_his(token_registry: Registry) -> None:
    bob = Registry(token_registry.url, token_registry.control, auth="token", login=BOB)
    bob.push("bob/app", "1.0.0")
    with pytest.raises(RegistryError, match="401"):
        bob.push("apps/other", "1.0.0")
    wrong = Registry(token_registry.url, token_registry.control, auth="token", login=Login("ada", "wrong"))
    with pytest.raises(RegistryError, match="incorrect username or password"):
        wrong.tags("bob/app")


def test_a_password_is_asked_for(tmp_path: Path) -> None:
    with running_registry(tmp_path, "--user", "ada:s3cret", auth="basic", login=ADA) as asking:
        asking.push("apps/web", "1.0.0")
        with pytest.raises(RegistryError, match="401"):
            Registry(asking.url, asking.control).tags("apps/web")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--auth", "kerberos"], "--auth kerberos is not known: none, basic or token"),
        (["--auth", "basic", "--user", "ada:x:apps/"], "user ada has a prefix"),
        (["--user", "ada"], "it reads name:password"),
    ],
)
def test_options_that_make_no_sense_are_named(tmp_path: Path, options: list[str], problem: str) -> None:
    with pytest.raises(SandboxError, match=problem):
        start_registry(tmp_path, *options)
    assert Process(tmp_path, "registry").facts() is None


def until(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not look():
        assert time.monotonic() < deadline, "not within 20 s"
        time.sleep(0.02)
