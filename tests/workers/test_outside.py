# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import socket

import pytest
import urllib3

from sandbox.forge.admin import Forge
from workers.outside import AddressRefused, pool_manager


def test_loopback_is_refused_before_anything_is_sent() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.settimeout(0.2)
        url = f"http://localhost:{listening.getsockname()[1]}/"
        with pytest.raises(AddressRefused, match="loopback"):
            pool_manager(allow_loopback=False, retries=False).request("GET", url)
        with pytest.raises(TimeoutError):
            listening.accept()


@pytest.mark.parametrize("host", ["169.254.169.254", "[::ffff:169.254.169.254]", "[fd00:ec2::254]"])
def test_metadata_is_refused_also_where_loopback_is_allowed(host: str) -> None:
    with pytest.raises(AddressRefused):
        pool_manager(allow_loopback=True, retries=False).request("GET", f"http://{host}/latest/")


def test_a_redirect_is_checked_like_a_first_address(forge: Forge) -> None:
    # The forge sends a clone's address on to its page, which is on loopback too; here it must not be reached.
    repo = forge.create_repository("redirected", "fleet")
    allowed = pool_manager(allow_loopback=True, retries=False)
    assert allowed.request("GET", repo.clone_url, redirect=True, retries=1).status == 200
    with pytest.raises(AddressRefused):
        pool_manager(allow_loopback=False, retries=1).request("GET", repo.clone_url)


def test_a_name_that_does_not_resolve_is_a_network_error() -> None:
    with pytest.raises(urllib3.exceptions.NameResolutionError):
        pool_manager(allow_loopback=False, retries=False).request("GET", "http://nowhere.invalid/")


def test_the_checked_address_is_the_one_that_is_called(monkeypatch: pytest.MonkeyPatch, forge: Forge) -> None:
    answers = iter(["127.0.0.1", "169.254.169.254"])
    asked: list[str] = []
    real = socket.getaddrinfo

    def changing(host: str, port: int, *rest: object, **more: object) -> object:
        if host != "rebinding.example":
            return real(host, port, *rest, **more)  # type: ignore[arg-type]
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    url = forge.url.replace("127.0.0.1", "rebinding.example")
    answer = pool_manager(allow_loopback=True, retries=False).request("GET", f"{url}/api/v3/rate_limit")
    assert (answer.status, asked) == (200, ["rebinding.example"])


def test_nobody_listening_is_a_network_error() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        with pytest.raises(urllib3.exceptions.NewConnectionError):
            pool_manager(allow_loopback=True, retries=False).request("GET", url)
