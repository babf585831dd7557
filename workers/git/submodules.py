# SPDX-License-Identifier: Apache-2.0
"""spec.recurseSubmodules: the files of submodules, fetched under the same rules as the repository itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import urljoin

from policies.reference import choose
from workers.git import contents
from workers.git.contents import SUBMODULE, Entry
from workers.git.errors import GitError
from workers.git.remote import Remote

_DEEPEST = 10  # levels of submodules in submodules, as go-git has it

OpenRemote = Callable[[str], Remote]  # from a URL


def with_submodules(
    remote: Remote,
    sha: str,
    entries: Iterable[Entry],
    open_remote: OpenRemote,
    *,
    timeout: float,
    depth: int = 0,
) -> list[Entry]:
    """Return the entries with each submodule replaced by its files; `timeout` counts for each fetch.

    Raises GitError, naming the submodule at fault.
    """
    entries = list(entries)
    if depth >= _DEEPEST or not any(entry.mode == SUBMODULE for entry in entries):
        return entries
    urls = remote.submodules(sha, timeout=timeout)
    found: list[Entry] = []
    for entry in entries:
        if entry.mode != SUBMODULE:
            found.append(entry)
            continue
        if entry.path not in urls:
            raise GitError(
                f"no url found for submodule path '{entry.path}' in .gitmodules",
                remedy="correct .gitmodules, or remove the submodule",
            )
        commit = entry.read().decode()
        other = open_remote(absolute(remote.url, urls[entry.path]))
        other.pull(choose({"commit": commit}), timeout=timeout)
        inner = contents.of_commit(other.mirror, commit)
        inner = with_submodules(other, commit, inner, open_remote, timeout=timeout, depth=depth + 1)
        found += [one.moved(f"{entry.path}/{one.path}") for one in inner]
    return found


def absolute(parent: str, url: str) -> str:
    """Return a submodule's URL; one that begins with ./ or ../ is seen from its parent's."""
    if not url.startswith(("./", "../")):
        return url
    return urljoin(parent.rstrip("/") + "/", url)
