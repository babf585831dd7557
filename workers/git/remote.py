# SPDX-License-Identifier: Apache-2.0
"""A Git repository over HTTP: which commit a spec.ref means now, and that commit in the mirror on disk.

`pull` does both in one call of git where it can (branch, tag, name). Only the wanted commit is fetched,
without its history; `is_ancestor` fetches the history, without files, into a mirror of its own when it is
first asked.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from policies import reference
from policies.reference import Kind, ReferenceNotFound, RemoteRef, Resolved, Selection
from workers.git import errors
from workers.git.auth import ANONYMOUS, Auth, bare_url
from workers.git.mirror import Mirror, broken, local_ref
from workers.git.process import Ended
from workers.git.transport import URL, Call, Transport

LARGEST_PACK = 2 * 1024**3
_FETCH = (
    *("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"),
    *("--no-auto-maintenance", "--no-show-forced-updates"),
)
_MOST_PACKS = 50
_EVERYTHING = ("+refs/heads/*:refs/fairway-all/heads/*", "+refs/tags/*:refs/fairway-all/tags/*")


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
        self.auth = auth
        self._data_dir = data_dir
        self._transport = Transport(self.url, auth, allow_loopback=allow_loopback, largest_pack=largest_pack)
        self.mirror = Mirror.of(data_dir, self.url, auth.principal)
        self.history = Mirror.of(data_dir, self.url, f"{auth.principal}\0history")

    def as_other(self, auth: Auth) -> Remote:
        """Return the same repository as somebody else is let in to it."""
        transport = self._transport
        return Remote(
            self.url,
            auth,
            data_dir=self._data_dir,
            allow_loopback=transport.allow_loopback,
            largest_pack=transport.largest_pack,
        )

    def resolve(self, wanted: Selection, *, timeout: float) -> Resolved:
        """Ask the remote which commit is meant, without fetching it.

        Raises GitError, ReferenceNotFound.
        """
        with self._calling(self.mirror, timeout) as call:
            refs = {} if wanted.kind is Kind.COMMIT else self._list(wanted, call)
            return reference.resolve(wanted, refs, url=self.url)

    def pull(self, wanted: Selection, *, timeout: float, changed: bool = True) -> Resolved:
        """Bring the commit that is meant now into the mirror; afterwards it can be archived.

        `changed` says that there probably is a new commit (a push was announced), so that asking first
        whether there is one would only cost time. Raises GitError, ReferenceNotFound.
        """
        with self._calling(self.mirror, timeout) as call:
            try:
                return self._pull(wanted, call, changed)
            except errors.GitError as error:
                if type(error) not in (errors.GitError, errors.MirrorBroken):
                    raise
            # The mirror's fault, or nobody knows whose: one new start; if that fails too it is the host's.
            self.mirror.condemn()
            self.mirror.prepare()
            return self._pull(wanted, call, changed)

    def is_ancestor(self, ancestor: str, descendant: str, *, timeout: float) -> bool:
        """Tell whether one commit is in the history of another; a commit is its own ancestor.

        Raises GitError, CommitNotServed when the host does not have the descendant.
        """
        if ancestor == descendant:
            return True
        with self._calling(self.history, timeout) as call:
            if self.history.packs > _MOST_PACKS:
                self.history.condemn()  # cheaper to fetch again than to repack without files
                self.history.prepare()
            if not self.history.has(descendant):
                _succeed(
                    call(*_FETCH, "--filter=tree:0", URL, f"+{descendant}:{local_ref(descendant)}"), call
                )
            # All of the descendant's history is here now.
            if not self.history.has(ancestor):
                return False
            ended = call("merge-base", "--is-ancestor", ancestor, descendant)
            if ended.code == 1:
                return False
            _succeed(ended, call)
            return True

    def submodules(self, sha: str, *, timeout: float) -> dict[str, str]:
        """Return the URL of each submodule of a commit that was pulled, by its path; raises GitError."""
        with self._calling(self.mirror, timeout) as call:
            ended = call("config", "--list", "--null", "--no-includes", "--blob", f"{sha}:.gitmodules")
            if ended.code != 0:
                return {}
        pairs = [line.partition("\n") for line in ended.stdout.split("\0") if line]
        values = {key: value for key, _, value in pairs}
        return {
            path: values.get(f"{key.removesuffix('.path')}.url", "")
            for key, path in values.items()
            if key.startswith("submodule.") and key.endswith(".path")
        }

    @contextmanager
    def held(self, *, timeout: float) -> Iterator[Call]:
        """Hold the mirror for calls of git, and for objects that are not to be tidied away before a push."""
        with self._calling(self.mirror, timeout) as call:
            yield call

    @contextmanager
    def _calling(self, mirror: Mirror, timeout: float) -> Iterator[Call]:
        """Hold a mirror, and say so when a ref was not found because there is none at all."""
        deadline = time.monotonic() + timeout
        with mirror.locked(timeout=timeout) as lock:
            call = self._transport.call(mirror.path, lock=lock, deadline=deadline)
            try:
                yield call
            except ReferenceNotFound:
                ended = call("ls-remote", "--quiet", URL)
                if ended.code == 0 and not ended.stdout.strip():
                    raise errors.EmptyRepository(
                        "git repository is empty", remedy="push a first commit"
                    ) from None
                raise

    def _pull(self, wanted: Selection, call: Call, changed: bool) -> Resolved:
        if wanted.kind is Kind.COMMIT:
            return self._pull_commit(wanted, call)
        if wanted.kind is Kind.SEMVER:
            refs = self._list(wanted, call).values()
            return self._pull_youngest(wanted, reference.candidates(wanted, refs), call)
        before = self.mirror.tip(wanted.refname)
        if not changed:
            found = reference.resolve(wanted, self._list(wanted, call), url=self.url)
            if found.sha == before:
                self._tidy(call)
                return found
        self._fetch(wanted, [wanted.refname], call)
        found = reference.resolved(wanted, self._fetched(wanted.refname))
        if found.sha == before:
            self._tidy(call)
        return found

    def _pull_commit(self, wanted: Selection, call: Call) -> Resolved:
        """Fetch a commit by its id, or with all branches and tags where the host gives out nothing else."""
        if self.mirror.tip(wanted.value) is None:
            try:
                self._fetch(wanted, [wanted.value], call)
            except errors.CommitNotServed:
                depth = ("--unshallow",) if self.mirror.is_shallow else ()
                _succeed(call(*_FETCH, "--prune", *depth, URL, *_EVERYTHING), call)
                if not self.mirror.has(wanted.value):
                    raise reference.commit_not_found(wanted) from None
                self.mirror.keep(wanted.value, wanted.value)
        return reference.resolve(wanted, {}, url=self.url)

    def _pull_youngest(self, wanted: Selection, tags: list[RemoteRef], call: Call) -> Resolved:
        """Fetch one tag, or of several that are the same version the one with the youngest commit."""
        if any(self.mirror.tip(tag.name) != tag.sha for tag in tags):
            self._fetch(wanted, [tag.name for tag in tags], call)
        fetched = [self._fetched(tag.name) for tag in tags]
        if len(fetched) > 1:
            fetched.sort(key=lambda tag: self.mirror.committed(tag.sha))
        return reference.resolved(wanted, fetched[-1])

    def _list(self, wanted: Selection, call: Call) -> dict[str, RemoteRef]:
        patterns = (
            ["refs/tags/*"] if wanted.kind is Kind.SEMVER else [wanted.refname, f"{wanted.refname}^{{}}"]
        )
        ended = call("ls-remote", "--quiet", URL, *patterns)
        _succeed(ended, call)
        return reference.parse_listing(ended.stdout)

    def _fetch(self, wanted: Selection, names: list[str], call: Call) -> None:
        ended = call(*_FETCH, "--depth=1", URL, *(f"+{name}:{local_ref(name)}" for name in names))
        if ended.code != 0 and "couldn't find remote ref" in ended.stderr:
            raise reference.not_found(wanted, url=self.url)
        _succeed(ended, call)

    def _tidy(self, call: Call) -> None:
        """Join the packs that fetches left, while nobody waits; if it fails there is a next time."""
        if self.mirror.packs > _MOST_PACKS:
            call("repack", "-a", "-d", "-q")
            call("prune", "--expire=now")

    def _fetched(self, name: str) -> RemoteRef:
        tip = self.mirror.tip(name)
        if tip is None:
            raise broken(KeyError(name))
        return RemoteRef(name, tip)


def _succeed(ended: Ended, call: Call) -> None:
    if ended.code != 0:
        raise call.failure(ended)
