# SPDX-License-Identifier: Apache-2.0
"""Git over smart HTTP: clone, fetch and push with real git behind it.

A request's body is spooled before git starts, so that a slow client never holds the lock that makes pushes
to one repository take turns. What a push changed is the difference of the refs before and after it, under
that lock.
"""

from __future__ import annotations

import gzip
import io
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from typing import IO, Any, cast

from flask import Blueprint, Response, request

from sandbox.forge import accounts, activities, check_events, git, principals, pull_pushes
from sandbox.forge.git import Moving
from sandbox.forge.issues import Actor
from sandbox.forge.principals import Principal
from sandbox.forge.state import forge
from sandbox.forge.store import Row, now

smart = Blueprint("smart", __name__)

_PROTOCOL = re.compile(r"version=[0-2](:[a-z0-9=-]+)*")
_SPOOL = 1024 * 1024
_CHUNK = 64 * 1024


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@smart.errorhandler(_Refused)
def refuse(error: _Refused) -> Response:
    """Answer a git client, which shows the text to its user."""
    response = Response(f"{error}\n", error.status, content_type="text/plain; charset=utf-8")
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="GitHub"'
    return response


@smart.get("/<owner>/<name>/info/refs")
def advertise(owner: str, name: str) -> Response:
    """Begin a fetch or push: tell the client which refs there are."""
    service = request.args.get("service", "")
    if service not in ("git-upload-pack", "git-receive-pack"):
        raise _Refused(403, "Please upgrade your git client: the dumb protocol is not served.")
    repo, _ = _repository(owner, name, service)
    command = [service.removeprefix("git-"), "--stateless-rpc", "--advertise-refs"]
    process = forge().repositories.run(repo["id"], *command, stdout=subprocess.PIPE, protocol=_protocol())
    refs, _errors = process.communicate()
    announcement = f"# service={service}\n"
    head = f"{len(announcement) + 4:04x}{announcement}0000".encode()
    return _answer(head + refs, f"application/x-{service}-advertisement")


@smart.post("/<owner>/<name>/git-upload-pack")
def upload_pack(owner: str, name: str) -> Response:
    """Serve a clone or fetch."""
    repo, _ = _repository(owner, name, "git-upload-pack")
    asked = _spooled()
    process = forge().repositories.run(
        repo["id"],
        "upload-pack",
        "--stateless-rpc",
        stdin=asked,
        stdout=subprocess.PIPE,
        protocol=_protocol(),
    )
    return _answer(_stream(process, asked), "application/x-git-upload-pack-result")


@smart.post("/<owner>/<name>/git-receive-pack")
def receive_pack(owner: str, name: str) -> Response:
    """Take a push, and tell the Apps that are installed what it moved."""
    repo, pusher = _repository(owner, name, "git-receive-pack")
    state = forge()
    with _spooled() as asked, tempfile.TemporaryFile() as told:
        with state.repositories.lock(repo["id"]):
            before = state.repositories.refs(repo["id"])
            process = state.repositories.run(
                repo["id"], "receive-pack", "--stateless-rpc", stdin=asked, stdout=told, protocol=_protocol()
            )
            process.wait()
            after = state.repositories.refs(repo["id"])
            pushed(repo, before, after, pusher=pusher.account(state.store))
        told.seek(0)
        return _answer(told.read(), "application/x-git-receive-pack-result")


def pushed(
    repo: Row,
    before: dict[str, str],
    after: dict[str, str],
    *,
    pusher: Row,
    hold: bool = False,
    by: Moving = "push",
) -> list[int]:
    """Record a push, under the repository's lock: send its webhooks, and let pull requests follow.

    `by` says what the push was. Returns the ids of its own deliveries.
    """
    state = forge()
    moved = git.changes(before, after)
    if not moved:
        return []
    activities.record(
        state.store, state.repositories.open(repo["id"]), repo["id"], moved, actor=pusher, by=by
    )
    state.store.write("UPDATE repositories SET pushed_at = ? WHERE id = ?", now(), repo["id"])
    heads = [ref.removeprefix("refs/heads/") for ref in after if ref.startswith("refs/heads/")]
    # As on GitHub the first branch that arrives in an empty repository becomes its default.
    if not before and heads and repo["default_branch"] not in heads:
        state.repositories.set_head(repo["id"], heads[0])
        state.store.write("UPDATE repositories SET default_branch = ? WHERE id = ?", heads[0], repo["id"])
    sent = state.events.push(repo["id"], moved, known=before.values(), pusher=pusher, hold=hold)
    sent += check_events.pushed(repo, moved, pusher=pusher, hold=hold)
    pull_pushes.follow(repo, moved, Actor(pusher), hold=hold)
    return sent


def _repository(owner: str, name: str, service: str) -> tuple[Row, Principal]:
    """Return the repository and who asks, or raise the refusal that GitHub's Git server gives."""
    store = forge().store
    repo = accounts.repository(store, owner, name.removesuffix(".git"))
    principal = _principal()
    write = service == "git-receive-pack"
    if principal is None:
        if repo is None or repo["private"] or write:
            raise _Refused(401, "Repository not found." if repo is None else "Authentication required.")
        return repo, principals.NOBODY
    if repo is None or not principal.sees(store, repo):
        raise _Refused(404, "Repository not found.")
    if not _allowed(principal, repo, write=write):
        who = principal.account(store)["login"]
        raise _Refused(403, f"Permission to {repo['full_name']}.git denied to {who}.")
    return repo, principal


def _principal() -> Principal | None:
    header = request.headers.get("Authorization", "")
    if not header:
        return None
    scheme, _, value = header.partition(" ")
    store = forge().store
    found = principals.from_basic(store, value) if scheme.lower() == "basic" else None
    if found is None:
        raise _Refused(401, "Invalid username or token.")
    return found


def _allowed(principal: Principal, repo: Row, *, write: bool) -> bool:
    store = forge().store
    needed = accounts.LEVELS["write" if write else "read"]
    if principal.user is not None:
        return accounts.access(store, principal.user["id"], repo) >= needed
    granted = accounts.LEVELS.get((principal.permissions or {}).get("contents", ""), 0)
    public_read = not write and not repo["private"]
    return public_read or (principal.covers(store, repo) and granted >= needed)


def _protocol() -> str:
    asked = request.headers.get("Git-Protocol", "")
    return asked if _PROTOCOL.fullmatch(asked) else ""


def _spooled() -> IO[bytes]:
    # git reads from a descriptor, which a file kept in memory does not have.
    spool = tempfile.TemporaryFile()  # noqa: SIM115 - whoever asked for it closes it
    packed = request.headers.get("Content-Encoding", "") in ("gzip", "x-gzip")
    source: Any = gzip.GzipFile(fileobj=request.stream) if packed else request.stream
    shutil.copyfileobj(source, spool, _SPOOL)
    spool.seek(0)
    return spool


def _stream(process: subprocess.Popen[bytes], asked: IO[bytes]) -> Iterator[bytes]:
    told = cast("io.BufferedReader", process.stdout)
    try:
        while chunk := told.read1(_CHUNK):
            yield chunk
    finally:
        # The client may be gone before git is done.
        told.close()
        process.kill()
        process.wait()
        asked.close()


def _answer(content: bytes | Iterator[bytes], content_type: str) -> Response:
    return Response(content, content_type=content_type, headers={"Cache-Control": "no-cache"})
