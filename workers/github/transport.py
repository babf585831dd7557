# SPDX-License-Identifier: Apache-2.0
"""How PyGithub reaches GitHub from our worker threads.

PyGithub keeps the request it is about to send on its connection object, so two threads that share a client
could send each other's requests; here that lives per thread. All clients of a process share one pool of
checked connections. GETs are tried again on 5xx; what creates something is not, unless no connection came
about. Rate limits are never waited for: the answer comes back and becomes `RateLimited`.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from workers.outside import pool_classes

if TYPE_CHECKING:
    import requests
    from github import Github
    from github.Auth import Auth

CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 10.0  # seconds
_TRIES_AGAIN = 2
_PER_PAGE = 100

# PyGithub takes its connection classes from a global when a client is made.
_making = threading.Lock()


class Transport:
    """Make PyGithub clients that share connections and may be shared by threads."""

    def __init__(self, api_url: str, *, allow_loopback: bool, threads: int = 32) -> None:
        self.api_url = api_url.rstrip("/")
        self._session = _session(allow_loopback=allow_loopback, threads=threads)

    def client(self, auth: Auth) -> Github:
        """Return a PyGithub client with these credentials."""
        from github import Github
        from github.Requester import Requester

        connection = _connection_class(self._session, scheme=self.api_url.partition("://")[0])
        with _making:
            Requester.injectConnectionClasses(connection, connection)
            try:
                # PyGithub's own pauses (a second between writes) would make every status late.
                return Github(
                    auth=auth, base_url=self.api_url, user_agent="fairway", per_page=_PER_PAGE,
                    seconds_between_requests=None, seconds_between_writes=None,
                )  # fmt: skip
            finally:
                Requester.resetConnectionClasses()

    def close(self) -> None:
        """Drop the connections."""
        self._session.close()


def _session(*, allow_loopback: bool, threads: int) -> requests.Session:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **options: Any) -> None:
            super().init_poolmanager(*args, **options)
            self.poolmanager.pool_classes_by_scheme = pool_classes(allow_loopback=allow_loopback)

    retry = Retry(
        total=_TRIES_AGAIN,
        backoff_factor=0.2,
        status_forcelist=(500, 502, 503, 504),
        allowed_methods=("GET",),
        raise_on_status=False,
        respect_retry_after_header=False,
    )
    session = requests.Session()
    # Anything but None keeps requests from looking for credentials in ~/.netrc.
    session.auth = lambda request: request
    for scheme in ("https://", "http://"):
        session.mount(scheme, Adapter(max_retries=retry, pool_connections=4, pool_maxsize=threads))
    return session


def _connection_class(session: requests.Session, *, scheme: str) -> type[Any]:
    class Connection:
        """What PyGithub expects of a connection: a request, then its response."""

        def __init__(self, host: str, port: int | None = None, *_: object, **__: object) -> None:
            self.host = host
            name = f"[{host}]" if ":" in host else host
            self._origin = f"{scheme}://{name}" + (f":{port}" if port else "")
            self._thread = threading.local()

        def request(
            self, verb: str, url: str, input: Any, headers: dict[str, str], stream: bool = False
        ) -> None:
            self._thread.prepared = (verb, url, input, headers, stream)

        def getresponse(self) -> Any:
            from github.Requester import RequestsResponse

            verb, url, data, headers, stream = self._thread.prepared
            answer = session.request(
                verb, self._origin + url, data=data, headers=headers, stream=stream,
                timeout=(CONNECT_TIMEOUT, READ_TIMEOUT), allow_redirects=False,
            )  # fmt: skip
            return RequestsResponse(answer)

        def close(self) -> None:
            """Leave the connections to the other clients."""

    return Connection
