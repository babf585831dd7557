# SPDX-License-Identifier: Apache-2.0
"""Connections to the outside that cannot be led astray.

A name is resolved once, every address it has is held against `policies.addresses`, and the connection goes
to exactly the address that was checked, so that a second answer from DNS cannot swap it. TLS still verifies
the name.
"""

from __future__ import annotations

import socket
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NameResolutionError
from urllib3.util import connection

from policies.addresses import refusal
from policies.errors import FairwayError


class AddressRefused(FairwayError, HTTPError):
    """A name leads where outside calls must not go."""

    retryable = False


def resolve(host: str, port: int, *, allow_loopback: bool) -> list[str]:
    """Return the addresses of a host; raise AddressRefused when one of them is out of bounds, or OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        if reason := refusal(address, allow_loopback=allow_loopback):
            where = host if host == address else f"{host} ({address})"
            raise AddressRefused(
                f"{where} is not called: {reason}",
                remedy="use an address that other machines reach; a sandbox sets FAIRWAY_ALLOW_LOOPBACK",
            )
    return addresses


def pool_classes(*, allow_loopback: bool) -> dict[str, type[HTTPConnectionPool]]:
    """Return connection pools by scheme for a urllib3 PoolManager or a requests adapter."""

    class Checked:
        def _new_conn(self: Any) -> socket.socket:
            try:
                addresses = resolve(self._dns_host, self.port, allow_loopback=allow_loopback)
            except socket.gaierror as error:
                raise NameResolutionError(self.host, self, error) from error
            return _connect(self, addresses)

    class Plain(Checked, HTTPConnection):
        pass

    class Secure(Checked, HTTPSConnection):
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _connect(self: Any, addresses: list[str]) -> socket.socket:
    failure: OSError | None = None
    for address in addresses:
        try:
            return connection.create_connection(
                (address, self.port),
                self.timeout,
                source_address=self.source_address,
                socket_options=self.socket_options,
            )
        except TimeoutError as error:
            timeout = f"Connection to {self.host} timed out. (connect timeout={self.timeout})"
            raise urllib3.exceptions.ConnectTimeoutError(self, timeout) from error
        except OSError as error:
            failure = error
    raise urllib3.exceptions.NewConnectionError(self, f"Failed to connect to {self.host}: {failure}")


def pool_manager(*, allow_loopback: bool, **options: Any) -> urllib3.PoolManager:
    """Open a urllib3 pool manager whose every connection is checked."""
    manager = urllib3.PoolManager(**options)
    manager.pool_classes_by_scheme = pool_classes(allow_loopback=allow_loopback)
    return manager
