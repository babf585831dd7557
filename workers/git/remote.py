# SPDX-License-Identifier: Apache-2.0
"""A Git repository over HTTP: which commit a spec.ref means now, and that commit in the mirror on disk.

`pull` does both in one call of git where it can (branch, tag, name); `resolve` alone costs less when
nothing changed. Only the wanted commit is fetched, without its history; `is_ancestor` fetches the history,
without files, into a mirror of its own when it is first asked.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from policies import reference
from policies.errors import FairwayError
from policies.reference import Kind, RemoteRef, Resolved, Selection
from workers.git import errors
from workers.git.auth import ANONYMOUS, Auth, bare_url, endpoint
from workers.git.mirror import Mirror, broken, local_ref
from workers.git.process import Config, Ended, run
from workers.outside import resolve as resolve_host

LARGEST_PACK = 2 * 1024**3
_NO_REF = re.compile(r"couldn't find remote ref")
_FETCH = (
    *("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"),
    *("--no-auto-maintenance", "--no-show-forced-updates"),
)
_STALLED_AFTER = 20  # seconds with less than a kilobyte each


class Remote:
    """One repository as one identity sees it; cheap to make, safe to use from several threads."""

    def __init__(
        self,
        url: str,
        auth: Auth = ANONYMOUS,
        *,
        data_dir: Path,
        allow_loopback: bool = False,
        largest_pack: int = LARGEST_PACK,
    ) -> None:
        self.url = bare_url(url)
        self._endpoint = endpoint(url)
        self._auth = auth
        self._allow_loopback = allow_loopback
        self._largest_pack = largest_pack
        self.mirror = Mirror.of(data_dir, self.url, auth.principal)
        self.history = Mirror.of(data_dir, self.url, f"{auth.principal}\0history")

    def resolve(self, wanted: Selection, *, timeout: float) -> Resolved:
        """Ask the remote which commit is meant, without fetching it.

        Raises GitError, ReferenceNotFound, AddressRefused.
        """
        deadline = time.monotonic() + timeout
        with self.mirror.locked(timeout=timeout) as lock:
            if wanted.kind is Kind.COMMIT:
                return reference.resolve(wanted, {}, url=self.url)
            return reference.resolve(wanted, self._list(wanted, lock, deadline), url=self.url)

    def pull(self, wanted: Selection, *, timeout: float, changed: bool = True) -> Resolved:
        """Bring the commit that is meant now into the mirror; afterwards it can be archived.

        `changed` says that there probably is a new commit (a push was announced), so that asking first
        whether there is one would only cost time. Raises GitError, ReferenceNotFound, AddressRefused.
        """
        deadline = time.monotonic() + timeout
        with self.mirror.locked(timeout=timeout) as lock:
            try:
                return self._pull(wanted, lock, deadline, changed)
            except errors.MirrorBroken:
                # One new start; if that fails too it is not the mirror's fault.
                self.mirror.discard()
                self.mirror.prepare()
                return self._pull(wanted, lock, deadline, changed)

    def is_ancestor(self, ancestor: str, descendant: str, *, timeout: float) -> bool:
        """Tell whether one commit is in the history of another; a commit is its own ancestor."""
        if ancestor == descendant:
            return True
        deadline = time.monotonic() + timeout
        with self.history.locked(timeout=timeout) as lock:
            if not self.history.has(descendant):
                self._fetch_history(descendant, lock, deadline)
            # All of the descendant's history is here now.
            if not self.history.has(ancestor):
                return False
            question = ("merge-base", "--is-ancestor", ancestor, descendant)
            ended = run(
                question, git_dir=self.history.path, timeout=deadline - time.monotonic(), inherit=(lock,)
            )
            if ended.code in (0, 1):
                return ended.code == 0
            raise self._failure(ended)

    def _pull(self, wanted: Selection, lock: int, deadline: float, changed: bool) -> Resolved:
        if wanted.kind is Kind.COMMIT:
            return self._pull_commit(wanted, lock, deadline)
        if wanted.kind is Kind.SEMVER:
            refs = self._list(wanted, lock, deadline)
            return self._pull_newest(wanted, reference.candidates(wanted, refs.values()), lock, deadline)
        if not changed:
            ref = self._list(wanted, lock, deadline).get(wanted.refname)
            if ref is None:
                raise reference.not_found(wanted, url=self.url)
            if self._tip(wanted.refname) == ref.sha:
                return reference.resolved(wanted, ref)
        self._fetch([wanted.refname], wanted, lock, deadline)
        return reference.resolved(wanted, RemoteRef(wanted.refname, self._fetched(wanted.refname)))

    def _pull_commit(self, wanted: Selection, lock: int, deadline: float) -> Resolved:
        """Fetch a commit by its id, or with all branches and tags where the host gives out nothing else."""
        if self._tip(wanted.value) != wanted.value:
            try:
                self._fetch([wanted.value], wanted, lock, deadline)
            except errors.CommitNotServed:
                everything = (
                    "+refs/heads/*:refs/fairway-all/heads/*",
                    "+refs/tags/*:refs/fairway-all/tags/*",
                )
                self._checked(
                    self._fetch_refs(everything, lock, deadline, shallow=False), wanted, lock, deadline
                )
                if not self.mirror.has(wanted.value):
                    problem = f"unable to resolve commit object for '{wanted.value}': object not found"
                    raise reference.ReferenceNotFound(
                        f"failed to checkout and determine revision: {problem}"
                    ) from None
        return reference.resolve(wanted, {}, url=self.url)

    def _pull_newest(self, wanted: Selection, tags: list[RemoteRef], lock: int, deadline: float) -> Resolved:
        """Fetch one tag, or of several that are the same version the one with the youngest commit."""
        if any(self._tip(tag.name) != tag.sha for tag in tags):
            self._fetch([tag.name for tag in tags], wanted, lock, deadline)
        fetched = [RemoteRef(tag.name, self._fetched(tag.name)) for tag in tags]
        if len(fetched) > 1:
            repository = self.mirror.open()
            fetched.sort(key=lambda tag: repository[tag.sha].commit_time)
        return reference.resolved(wanted, fetched[-1])

    def _list(self, wanted: Selection, lock: int, deadline: float) -> dict[str, RemoteRef]:
        if wanted.kind is Kind.SEMVER:
            patterns = ["refs/tags/*"]
        else:
            patterns = [wanted.refname, f"{wanted.refname}^{{}}"]
        ended = self._git(("ls-remote", "--quiet", self.url, *patterns), self.mirror, lock, deadline)
        if ended.code != 0:
            raise self._failure(ended)
        return reference.parse_listing(ended.stdout)

    def _fetch(self, names: list[str], wanted: Selection, lock: int, deadline: float) -> None:
        specs = tuple(f"+{name}:{local_ref(name)}" for name in names)
        self._checked(self._fetch_refs(specs, lock, deadline, shallow=True), wanted, lock, deadline)

    def _fetch_refs(self, specs: tuple[str, ...], lock: int, deadline: float, *, shallow: bool) -> Ended:
        depth = ("--depth=1",) if shallow else ("--unshallow",) if self.mirror.is_shallow else ()
        return self._git(("fetch", *_FETCH, *depth, self.url, *specs), self.mirror, lock, deadline)

    def _checked(self, ended: Ended, wanted: Selection, lock: int, deadline: float) -> None:
        if ended.code == 0:
            return
        if _NO_REF.search(ended.stderr):
            raise self._missing(wanted, lock, deadline)
        raise self._failure(ended)

    def _missing(self, wanted: Selection, lock: int, deadline: float) -> FairwayError:
        """Tell a ref that is not there from a repository with nothing in it."""
        ended = self._git(("ls-remote", "--quiet", self.url), self.mirror, lock, deadline)
        if ended.code == 0 and not ended.stdout.strip():
            return errors.EmptyRepository("git repository is empty", remedy="push a first commit")
        return reference.not_found(wanted, url=self.url)

    def _fetch_history(self, commit: str, lock: int, deadline: float) -> None:
        specs = (f"+{commit}:{local_ref(commit)}",)
        arguments = ("fetch", *_FETCH, "--filter=tree:0", self.url, *specs)
        ended = self._git(arguments, self.history, lock, deadline)
        if ended.code != 0:
            raise self._failure(ended)

    def _tip(self, name: str) -> str | None:
        return self.mirror.tip(name)

    def _fetched(self, name: str) -> str:
        tip = self._tip(name)
        if tip is None:
            raise broken(KeyError(name))
        return tip

    def _git(self, arguments: tuple[str, ...], mirror: Mirror, lock: int, deadline: float) -> Ended:
        """Run a git command that talks to the host, as this identity."""
        with self._configured(deadline) as (config, inherit):
            ended = run(
                arguments,
                git_dir=mirror.path,
                timeout=max(0.0, deadline - time.monotonic()),
                config=config,
                inherit=(lock, *inherit),
                largest_file=self._largest_pack,
            )
        if ended.code is None:
            raise errors.failed(
                errors.GitTimeout,
                "context deadline exceeded: the host did not answer in time",
                url=self.url,
                remedy="raise spec.timeout if the repository is large or the host is slow",
            )
        return ended

    @contextmanager
    def _configured(self, deadline: float) -> Iterator[tuple[Config, tuple[int, ...]]]:
        """Yield the configuration with credentials and the checked address, and the files it points to."""
        host, port = self._endpoint
        config = [
            ("http.followRedirects", "false"),
            ("http.lowSpeedLimit", "1000"),
            ("http.lowSpeedTime", str(_STALLED_AFTER)),
        ]
        if pinned := self._addresses(host, port):
            config.append(("http.curloptResolve", f"{host}:{port}:{','.join(pinned)}"))
        if self._auth.header:
            config.append(("http.extraHeader", self._auth.header))
        files: list[int] = []
        try:
            for key, content in self._certificates():
                files.append(_memory_file(content))
                config.append((key, f"/dev/fd/{files[-1]}"))
            yield config, tuple(files)
        finally:
            for descriptor in files:
                os.close(descriptor)

    def _addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses that git may connect to; a second answer from DNS cannot swap them."""
        try:
            return resolve_host(host, port, allow_loopback=self._allow_loopback)
        except OSError as error:
            raise errors.failed(
                errors.HostUnreachable,
                f"the host's name could not be resolved ({host}: {error.strerror or error})",
                url=self.url,
                remedy="check spec.url and DNS",
            ) from error

    def _certificates(self) -> Iterator[tuple[str, bytes]]:
        if self._auth.ca:
            yield "http.sslCAInfo", self._auth.ca
        if self._auth.certificate:
            yield "http.sslCert", self._auth.certificate
            yield "http.sslKey", self._auth.key

    def _failure(self, ended: Ended) -> errors.GitError:
        return errors.from_stderr(ended.stderr, url=self.url, secrets=self._auth.secrets)


def _memory_file(content: bytes) -> int:
    descriptor = os.memfd_create("git")
    os.write(descriptor, content)
    return descriptor
