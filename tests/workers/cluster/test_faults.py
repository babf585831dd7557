# SPDX-License-Identifier: Apache-2.0
"""What no healthy API server answers: broken bodies, overload, silence; a bare server does."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import urllib3

from workers.cluster import ApiError, Client, Gone, Unavailable
from workers.cluster.discovery import Resource
from workers.cluster.errors import TooManyRequests

PODS = Resource("", "v1", "Pod", "pods", True)
Serve = Callable[[bytes], Client]


@pytest.fixture
def answering() -> Iterator[Serve]:
    """Serve these bytes to every request; no bytes for silence."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_connections: list[socket.socket] = []

    def serve(answer: bytes) -> Client:
        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                open_connections.append(connection)
                with contextlib.suppress(OSError):  # whoever has read enough goes away
                    connection.recv(65536)
                    if answer:
                        connection.sendall(answer)
                        connection.shutdown(socket.SHUT_RDWR)

        threading.Thread(target=accept, daemon=True).start()
        port = listener.getsockname()[1]
        return Client(f"http://127.0.0.1:{port}", urllib3.PoolManager(retries=False))

    yield serve
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for connection in open_connections:
        connection.close()


def response(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def stream(*lines: bytes, whole: bool = True) -> bytes:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(line), line) for line in lines)
    return (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunks + (b"0\r\n\r\n" if whole else b"")
    )


BUSY = response("429 Too Many Requests", b"Too many requests, please try again later.", "retry-after: 3")
DOWN = response("503 Service Unavailable", b"<html>no backend</html>")
EMPTY = response("500 Internal Server Error", b"")
CUT = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n" + b'{"items": ['
GARBLED = response("200 OK", b'{"items": [')


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        pytest.param(BUSY, TooManyRequests, "Too many requests, please try again later.", id="overload"),
        pytest.param(DOWN, Unavailable, "<html>no backend</html>", id="a-proxy's-page"),
        pytest.param(EMPTY, Unavailable, "the API server answered 500", id="no-words"),
        pytest.param(CUT, Unavailable, "cannot be reached", id="cut"),
        pytest.param(GARBLED, Unavailable, "is not JSON", id="half-an-answer"),
    ],
)
def test_a_broken_answer_is_a_typed_error(
    answering: Serve, answer: bytes, kind: type[ApiError], said: str
) -> None:
    client = answering(answer)
    with pytest.raises(kind) as caught:
        client.request("GET", "/api/v1/pods")
    assert said in caught.value.message


def test_when_to_come_again_is_read_off_the_answer(answering: Serve) -> None:
    with pytest.raises(TooManyRequests) as caught:
        answering(BUSY).request("GET", "/api/v1/pods")
    assert caught.value.retry_after == 3


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(BUSY, TooManyRequests, id="overload-in-plain-words"),
        pytest.param(DOWN, Unavailable, id="a-proxy's-page"),
        pytest.param(EMPTY, Unavailable, id="no-words"),
        pytest.param(
            response("410 Gone", b'{"kind":"Status","code":410,"message":"too old"}'), Gone, id="gone"
        ),
        pytest.param(stream(b'{"type":"ADDED","object":{', whole=False), Unavailable, id="cut-in-a-line"),
        pytest.param(stream(b'{"type":"ADDED","obj\n'), Unavailable, id="a-garbled-line"),
        pytest.param(
            stream(b'{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}\n'),
            Gone,
            id="gone-while-watching",
        ),
        pytest.param(
            stream(b'{"type":"ERROR","object":{"message":"etcd is away"}}\n'),
            Unavailable,
            id="an-error-without-code",
        ),
    ],
)
def test_a_broken_watch_is_a_typed_error(answering: Serve, answer: bytes, kind: type[ApiError]) -> None:
    client = answering(answer)
    with pytest.raises(kind), client.watch(PODS, resource_version="7") as events:
        list(events)


def test_lines_are_put_together_however_they_arrive(answering: Serve) -> None:
    lines = (b'{"type":"ADDED","obj', b'ect":{"a":1}}\n\n{"type":"BOOKMARK","object":{}}', b"\n")
    with answering(stream(*lines)).watch(PODS, resource_version="7") as events:
        assert [(e.type, e.object) for e in events] == [("ADDED", {"a": 1}), ("BOOKMARK", {})]


def test_a_server_that_says_nothing_is_given_up_on(answering: Serve) -> None:
    with pytest.raises(Unavailable, match=r"cannot be reached: .*timed out"):
        answering(b"").request("GET", "/api/v1/pods", timeout=0.2)


def test_nobody_listening_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = Client(f"http://127.0.0.1:{port}", urllib3.PoolManager(retries=False))
    with pytest.raises(Unavailable, match=f"the Kubernetes API at http://127.0.0.1:{port} cannot be reached"):
        client.request("GET", "/api/v1/pods")
