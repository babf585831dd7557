# SPDX-License-Identifier: Apache-2.0
"""One request to a registry or a host it names: to a checked address, bounded in time and size.

Redirects are followed as registries need them (blobs lie elsewhere), but without credentials, and never from
TLS to none.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, LocationValueError, SSLError
from urllib3.util import make_headers, parse_url

from workers.bounded import bounded_pools, cut, ran_out
from workers.outside import AddressRefused, resolve
from workers.registry import errors
from workers.registry.access import Access, tls_context

_CONNECT = 5.0  # seconds
_MOST_HOPS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_IDLE = 8  # connections kept open to one host


@dataclass(frozen=True)
class Request:
    """What is asked; `what` is the beginning of an error, `largest` the most bytes of an answer."""

    method: str
    url: str
    what: str
    headers: Mapping[str, str]
    largest: int
    body: bytes = b""
    authorization: str = ""


@dataclass(frozen=True)
class Answer:
    """An answer, wherever it came from; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    challenges: tuple[str, ...]
    body: bytes
    url: str

    def json(self, what: str) -> Any:
        """Return the body's JSON; raises Untruthful."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise errors.Untruthful(f"{what}: what it answered is not JSON") from None


class Transport:
    """Connections that share certificates and a proxy; safe for threads."""

    def __init__(self, access: Access, *, allow_loopback: bool, step: float) -> None:
        self._allow_loopback = allow_loopback
        self._step = step
        self._proxied = bool(access.proxy)
        options: dict[str, Any] = {
            "num_pools": 16,
            "maxsize": _IDLE,
            "retries": False,
            "ssl_context": tls_context(access),
        }
        pool = urllib3.PoolManager(**options)
        if access.proxy:
            login = unquote(parse_url(access.proxy).auth or "")
            headers = make_headers(proxy_basic_auth=login) if login else None
            pool = urllib3.ProxyManager(access.proxy, proxy_headers=headers, **options)
        pool.pool_classes_by_scheme = bounded_pools(allow_loopback=allow_loopback, step=step)
        self._pool = pool

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self._pool.clear()

    def send(self, request: Request, *, deadline: float) -> Answer:
        """Send a request, and its redirects, before a deadline (of time.monotonic); raises RegistryError."""
        url = request.url
        for _ in range(_MOST_HOPS):
            authorization = request.authorization if origin(url) == origin(request.url) else ""
            answer = self._again(request, url, authorization, deadline)
            target = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not target or request.method not in ("GET", "HEAD"):
                return answer
            url = _redirected(request, url, target)
        raise errors.Untruthful(f"{request.what}: it sends whoever asks on for ever")

    def _again(self, request: Request, url: str, authorization: str, deadline: float) -> Answer:
        try:
            return self._once(request, url, authorization, deadline)
        except errors.Unreachable as error:
            # A connection that was kept may have been closed by the other side in this moment.
            if type(error) is not errors.Unreachable or request.method == "POST":
                raise
            return self._once(request, url, authorization, deadline)

    def _once(self, request: Request, url: str, authorization: str, deadline: float) -> Answer:
        left = deadline - time.monotonic()
        host = urlsplit(url).netloc
        if left <= 0:
            raise _too_slow(request, host)
        headers = {"Accept-Encoding": "identity", "User-Agent": "fairway", **request.headers}
        if authorization:
            headers["Authorization"] = authorization
        timeout = urllib3.Timeout(connect=min(_CONNECT, left), read=min(self._step, left))
        try:
            if self._proxied:
                self._refuse_literal(url)
            response = self._pool.request(
                request.method,
                url,
                headers=headers,
                body=request.body or None,
                redirect=False,
                preload_content=False,
                timeout=timeout,
            )
            try:
                body = self._body(request, response, deadline)
            except BaseException:
                response.close()  # what is left of it would be taken for the next answer
                raise
            response.release_conn()
        except AddressRefused as error:
            raise errors.ForbiddenAddress(f"{request.what}: {error.message}", remedy=error.remedy) from error
        except SSLError as error:
            raise _untrusted(request, host, error) from None
        except (HTTPError, OSError) as error:
            if isinstance(error, HTTPError) and ran_out(error):
                raise _too_slow(request, host) from None
            if isinstance(getattr(error, "original_error", None), SSLError):
                raise _untrusted(request, host, error) from None
            raise errors.Unreachable(
                f"{request.what}: {host} could not be reached ({errors.printable(_why(error))})",
                remedy="check spec.image, DNS and the network",
            ) from None
        # Several headers of one name are several challenges.
        challenges = tuple(response.headers.getlist("www-authenticate"))
        named = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, named, challenges, body, url)

    def _body(self, request: Request, response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
        content = bytearray()
        left = max(0.01, min(self._step, deadline - time.monotonic()))
        with cut(response.connection, left):
            # Not decoded: we asked for no compression, and what unpacks may unpack without end.
            while chunk := response.read1(2**16, decode_content=False):
                content += chunk
                if len(content) > request.largest:
                    response.close()
                    raise errors.TooLarge(
                        f"{request.what}: it answers with more than {request.largest} bytes"
                    )
        if response.headers.get("content-encoding", "identity") != "identity":
            raise errors.Untruthful(f"{request.what}: it answers compressed, which it was not asked for")
        return bytes(content)

    def _refuse_literal(self, url: str) -> None:
        """A proxy resolves names itself; an address that may not be asked is refused before it is."""
        parts = urlsplit(url)
        with suppress(ValueError):
            ip_address(parts.hostname or "")
            resolve(parts.hostname or "", parts.port or 443, allow_loopback=self._allow_loopback)


def origin(url: str) -> tuple[str, str]:
    """Return what credentials are bound to: scheme, and host with port."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _redirected(request: Request, url: str, target: str) -> str:
    try:
        found = urljoin(url, target)
        parts = urlsplit(found)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise errors.Untruthful(f"{request.what}: it sends whoever asks on to no address")
    if url.startswith("https:") and parts.scheme == "http":
        raise errors.Untruthful(f"{request.what}: it sends whoever asks on to {parts.netloc} without TLS")
    return found


def _too_slow(request: Request, host: str) -> errors.TooSlow:
    return errors.TooSlow(
        f"{request.what}: {host} did not answer in time",
        remedy="raise spec.timeout if the registry is slow or the list long",
    )


def _untrusted(request: Request, host: str, error: Exception) -> errors.Untrusted:
    return errors.Untrusted(
        f"{request.what}: the certificate of {host} is not trusted ({errors.printable(_why(error))})",
        remedy="put the CA that signed it into ca.crt of spec.certSecretRef",
    )


def _why(error: Exception) -> str:
    text = str(error)
    if isinstance(error, LocationValueError):
        return text
    return text.rpartition("): ")[2] or text
