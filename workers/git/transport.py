# SPDX-License-Identifier: Apache-2.0
"""How git reaches a host: to which address, as whom, and through which redirects.

The host's name is resolved and checked here, and git is pinned to the result. git itself follows no redirect:
a repository that moved within its host (a renamed one on GitHub) is found again here, one that moved to
another host is refused, since that would be handed the credentials.
"""

from __future__ import annotations

import os
import re
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from urllib3.exceptions import HTTPError

from policies.errors import FairwayError
from workers.git import errors
from workers.git.auth import Auth, endpoint
from workers.git.process import Config, Ended, run
from workers.git.ssh import command as ssh_command
from workers.git.ssh import identity_from_secret as ssh_identity
from workers.outside import AddressRefused, pool_manager
from workers.outside import resolve as resolve_host

URL = "\0url"  # stands in a call's arguments for the address of the repository
_MOVED = re.compile(r"error: 30[1278]\b|unable to update url base from redirection")
_ADVERTISEMENT = "/info/refs"
_OFFLINE: tuple[Config, tuple[int, ...]] = ((), ())
_STALLED_AFTER = 20  # seconds with less than a kilobyte each


class Transport:
    """The way to one repository."""

    def __init__(self, url: str, auth: Auth, *, allow_loopback: bool, largest_pack: int) -> None:
        self.url = url
        self.auth = auth
        self.allow_loopback = allow_loopback
        self.largest_pack = largest_pack

    def call(self, git_dir: Path, *, lock: int, deadline: float) -> Call:
        """Prepare calls of git that end before the deadline (of time.monotonic)."""
        return Call(self, git_dir, lock, deadline)

    @contextmanager
    def configured(self, url: str) -> Iterator[tuple[Config, tuple[int, ...]]]:
        """Yield the configuration with credentials and the checked address, and the files it points to."""
        if url.startswith("ssh://"):
            with self._by_ssh(url) as config_for_ssh:
                yield config_for_ssh, ()
            return
        host, port = endpoint(self.auth.proxy or url)
        config = [
            ("http.followRedirects", "false"),
            ("http.lowSpeedLimit", "1000"),
            ("http.lowSpeedTime", str(_STALLED_AFTER)),
            ("http.curloptResolve", f"{host}:{port}:{','.join(self._addresses(host, port))}"),
        ]
        if self.auth.proxy:
            self._refuse_literal(*endpoint(url))
            config.append(("http.proxy", self.auth.proxy))
        if self.auth.header:
            config.append(("http.extraHeader", self.auth.header))
        files: list[int] = []
        try:
            for key, content in self._certificates():
                files.append(_memory_file(content))
                config.append((key, f"/dev/fd/{files[-1]}"))
            yield config, tuple(files)
        finally:
            for descriptor in files:
                os.close(descriptor)

    @contextmanager
    def _by_ssh(self, url: str) -> Iterator[Config]:
        host, port = endpoint(url)
        identity = self.auth.ssh or ssh_identity({})
        address = self._addresses(host, port)[0]
        with ssh_command(identity, host=host, port=port, address=address, timeout=_STALLED_AFTER) as command:
            yield [("core.sshCommand", command), ("ssh.variant", "ssh"), ("protocol.ssh.allow", "always")]

    def moved_to(self, *, timeout: float) -> str:
        """Return where the repository moved to within its host; raises GitError."""
        if self.auth.proxy:
            raise errors.failed(
                errors.RepositoryNotFound,
                "the repository has moved, and through a proxy that is not followed",
                url=self.url,
                remedy="set spec.url to where it is now",
            )
        advertisement = f"{self.url}{_ADVERTISEMENT}?service=git-upload-pack"
        name, _, value = self.auth.header.partition(": ")
        try:
            with pool_manager(allow_loopback=self.allow_loopback, ssl_context=self._trust()) as pools:
                answer = pools.request(
                    "GET",
                    advertisement,
                    headers={name: value} if name else {},
                    redirect=False,
                    retries=False,
                    timeout=timeout,
                )
        except (HTTPError, ssl.SSLError) as error:
            raise errors.failed(
                errors.HostUnreachable, f"the host could not be reached ({error})", url=self.url
            ) from error
        target = urljoin(advertisement, answer.headers.get("Location", advertisement)).partition("?")[0]
        if not target.endswith(_ADVERTISEMENT) or not _same_place(self.url, target):
            raise errors.failed(
                errors.RepositoryNotFound,
                f"the host sends whoever asks on to '{errors.scrub(target)}', which is not followed",
                url=self.url,
                remedy="if that is the same repository, set spec.url to it",
            )
        return target.removesuffix(_ADVERTISEMENT)

    def _refuse_literal(self, host: str, port: int) -> None:
        """A proxy resolves names itself; an address that may not be asked is refused before it is."""
        with suppress(ValueError):
            ip_address(host.strip("[]"))
            self._addresses(host, port)

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            return resolve_host(host, port, allow_loopback=self.allow_loopback)
        except AddressRefused as error:
            problem = error.message
            raise errors.failed(
                errors.ForbiddenAddress, problem, url=self.url, remedy=error.remedy
            ) from error
        except OSError as error:
            raise errors.failed(
                errors.HostUnreachable,
                f"the name {host} could not be resolved ({error.strerror or error})",
                url=self.url,
                remedy="check spec.url and DNS",
            ) from error

    def _certificates(self) -> Iterator[tuple[str, bytes]]:
        if self.auth.ca:
            yield "http.sslCAInfo", self.auth.ca
        if self.auth.certificate:
            yield "http.sslCert", self.auth.certificate
            yield "http.sslKey", self.auth.key

    def _trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self.auth.ca:
            context.load_verify_locations(cadata=self.auth.ca.decode(errors="replace"))
        return context


class Call:
    """Calls of git in one repository, under its lock, until the time is up."""

    def __init__(self, transport: Transport, git_dir: Path, lock: int, deadline: float) -> None:
        self._transport = transport
        self._git_dir = git_dir
        self._lock = lock
        self._deadline = deadline
        self._location = transport.url

    def __call__(self, *arguments: str) -> Ended:
        """Run git; raises GitTimeout and what keeps the host from being asked, not what git itself says."""
        ended = self._run(arguments)
        if ended.code and URL in arguments and _MOVED.search(ended.stderr):
            self._location = self._transport.moved_to(timeout=self._left)
            ended = self._run(arguments)
        return ended

    def failure(self, ended: Ended) -> FairwayError:
        """Return the error that a call's end means."""
        if ended.code is not None and ended.code < 0:
            problem = f"git was killed by signal {-ended.code}"
            return errors.failed(
                errors.GitInterrupted, problem, url=self._transport.url, remedy=errors.OUT_OF_MEMORY
            )
        return errors.from_stderr(ended.stderr, url=self._transport.url, secrets=self._transport.auth.secrets)

    def scrubbed(self, text: str) -> str:
        """Return what the host said without credentials."""
        return errors.scrub(text, self._transport.auth.secrets)

    @property
    def _left(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    def _run(self, arguments: tuple[str, ...]) -> Ended:
        asks_host = URL in arguments
        with (
            self._transport.configured(self._location) if asks_host else nullcontext(_OFFLINE) as (
                config,
                files,
            )
        ):
            ended = run(
                [self._location if argument is URL else argument for argument in arguments],
                git_dir=self._git_dir,
                timeout=self._left,
                config=config,
                inherit=(self._lock, *files),
                largest_file=self._transport.largest_pack,
            )
        if ended.code is None:
            raise errors.failed(
                errors.GitTimeout,
                "context deadline exceeded: the host did not answer in time",
                url=self._transport.url,
                remedy="raise spec.timeout if the repository is large or the host is slow",
            )
        return ended


def _same_place(old: str, new: str) -> bool:
    """Tell whether credentials for one URL may go to the other: same host, and never from TLS to none."""
    before, after = urlsplit(old), urlsplit(new)
    if before.hostname != after.hostname:
        return False
    if before.scheme == after.scheme:
        return before.port == after.port
    return before.scheme == "http" and after.scheme == "https"


def _memory_file(content: bytes) -> int:
    descriptor = os.memfd_create("git")
    os.write(descriptor, content)
    return descriptor
