# SPDX-License-Identifier: Apache-2.0
"""What the forge's tests share: a client that holds every answer against GitHub's description, a webhook."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
import urllib3

from sandbox.forge.admin import App, Forge, Repository
from tests.sandbox.forge.descriptions import check_answer

_names = itertools.count(1)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: urllib3.HTTPHeaderDict
    body: Any


class Api:
    """GitHub's API on the forge with one credential; an answer that GitHub would not give fails the test."""

    def __init__(self, forge: Forge, authorization: str | None = None) -> None:
        self._forge = forge
        self._authorization = authorization
        self._http = urllib3.PoolManager(retries=False)

    def __call__(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
    ) -> Answer:
        sent = dict(headers or {}) | ({"Authorization": self._authorization} if self._authorization else {})
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        answer = self._http.request(method, self._forge.api_url + path, body=data, headers=sent)
        parsed = json.loads(answer.data) if answer.data else None
        if answer.status != 304:
            check_answer(method, path.partition("?")[0], answer.status, parsed)
        assert {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} <= set(answer.headers)
        return Answer(answer.status, answer.headers, parsed)

    def get(self, path: str, **options: Any) -> Answer:
        return self("GET", path, **options)

    def post(self, path: str, body: Any = None) -> Answer:
        return self("POST", path, body)

    def put(self, path: str, body: Any = None) -> Answer:
        return self("PUT", path, body)

    def patch(self, path: str, body: Any = None) -> Answer:
        return self("PATCH", path, body)

    def delete(self, path: str, body: Any = None) -> Answer:
        return self("DELETE", path, body)


def app_jwt(app: App, **claims: Any) -> str:
    now = int(time.time())
    payload = {"iat": now - 30, "exp": now + 540, "iss": str(app.id)} | claims
    kept = {name: value for name, value in payload.items() if value is not None}
    return jwt.encode(kept, app.private_key_pem, "RS256")


@dataclass
class Stage:
    """A repository of an organisation, and an App that is installed there."""

    forge: Forge
    owner: str
    repo: Repository
    app: App
    installation: int
    head: str

    @property
    def path(self) -> str:
        return f"/repos/{self.repo.full_name}"

    def as_app(self, **claims: Any) -> Api:
        return Api(self.forge, f"Bearer {app_jwt(self.app, **claims)}")

    def token(self, **asked: Any) -> str:
        path = f"/app/installations/{self.installation}/access_tokens"
        return str(self.as_app().post(path, asked).body["token"])

    def as_installation(self, **asked: Any) -> Api:
        return Api(self.forge, f"Bearer {self.token(**asked)}")

    def anonymous(self) -> Api:
        return Api(self.forge)

    def as_user(self, login: str) -> Api:
        """Act as somebody who has an account and nothing else."""
        self.forge.create_account(login, secret=f"secret-of-{login}")
        return Api(self.forge, f"token secret-of-{login}")


MakeStage = Callable[..., Stage]


@pytest.fixture
def make_stage(forge: Forge) -> MakeStage:
    def make(*, private: bool = True, webhook: str | None = None, **app_options: Any) -> Stage:
        number = next(_names)
        owner = f"acme-{number}"
        app = forge.create_app(f"bot {number}", webhook, "hush" if webhook else None, **app_options)
        repo = forge.create_repository(owner, "fleet", private=private, files={"a.txt": "one\n"})
        installation = forge.install(app, owner)
        return Stage(forge, owner, repo, app, installation, forge.refs(repo)["refs/heads/main"])

    return make


@pytest.fixture
def stage(make_stage: MakeStage) -> Stage:
    return make_stage()


# What an App needs that answers in pull requests, and what it hears of.
CONVERSING = {"contents": "write", "issues": "write", "pull_requests": "write", "statuses": "write"}
EVENTS = ["push", "pull_request", "pull_request_review", "issue_comment"]


@pytest.fixture
def team(make_stage: MakeStage) -> Stage:
    """A repository in which alice and bob may write, and an App that takes part in its pull requests."""
    return as_team(make_stage(permissions=CONVERSING, events=EVENTS))


def as_team(stage: Stage) -> Stage:
    for login in ("alice", "bob"):
        stage.forge.allow(stage.repo, login, "write")
    return stage


@dataclass
class Received:
    headers: dict[str, str]
    body: bytes
    payload: Any


@dataclass
class Receiver:
    """An App's webhook: what arrived, and what it answers."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    status: int = 202

    def events(self, name: str) -> list[Received]:
        return [entry for entry in self.received if entry.headers["X-GitHub-Event"] == name]

    def wait(self, name: str, count: int = 1) -> list[Received]:
        return until(lambda: found if len(found := self.events(name)) >= count else None)


def until(look: Callable[[], Any], *, seconds: float = 15.0) -> Any:
    """Return what `look` finds as soon as it finds something; fail after the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.01)
    raise AssertionError(f"nothing was found in {seconds} s")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(state.status)
            self.send_header("X-Served-By", "test")
            self.end_headers()
            self.wfile.write(b"heard")
            state.received.append(Received(dict(self.headers), body, json.loads(body)))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/webhooks/github"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
