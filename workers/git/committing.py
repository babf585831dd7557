# SPDX-License-Identifier: Apache-2.0
"""Make a commit in a mirror and push it, without a working tree.

The mirror has to be held all the while: what no ref leads to may be tidied away at any other time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence

import pygit2

from workers.git import errors
from workers.git.mirror import Mirror, broken
from workers.git.process import Ended
from workers.git.transport import URL, Call

_PUSH = ("push", "--porcelain", "--no-verify", "--recurse-submodules=no")
_REJECTED = re.compile(r"^!\t[^\t]*\t\[(?:remote )?(?:rejected|failure)\] ?\(?(.*?)\)?$", re.MULTILINE)
# What a host says whose branch somebody else has moved since it was fetched.
_MOVED = re.compile(
    r"fetch first|non-fast-forward|stale info|lock ref|failed to (update|lock) ref|already exists"
    r"|incorrect old value|needs merge"
)
_GUARDED = re.compile(r"protected|hook declined|pre-receive|GH0|GL-|not allowed|denied", re.IGNORECASE)
_LONGEST = 300
_DIGITS = 16


def tree_of(mirror: Mirror, base: str, files: Mapping[str, bytes]) -> str:
    """Write the tree of a commit with other contents of files that are in it; return its id.

    Raises MirrorBroken.
    """
    repository = mirror.open()
    try:
        index = pygit2.Index()
        index.read_tree(repository[base].peel(pygit2.Tree))
        for path, content in files.items():
            index.add(pygit2.IndexEntry(path, repository.create_blob(content), index[path].mode))
        return str(index.write_tree(repository))
    except (pygit2.GitError, KeyError, OSError) as error:
        raise broken(error) from error


def modes_of(mirror: Mirror, base: str, files: Iterable[str]) -> dict[str, str]:
    """Return the modes that files have in a commit, as GitHub writes them; raises MirrorBroken."""
    try:
        tree = mirror.open()[base].peel(pygit2.Tree)
        return {path: f"{tree[path].filemode:06o}" for path in files}
    except (pygit2.GitError, KeyError) as error:
        raise broken(error) from error


def state_of(mirror: Mirror, base: str, files: Iterable[str]) -> str:
    """Return a short digest of files' names, modes and contents in a commit; raises MirrorBroken."""
    try:
        tree = mirror.open()[base].peel(pygit2.Tree)
        told = [f"{tree[path].filemode:o} {tree[path].id} {path}" for path in sorted(files)]
    except (pygit2.GitError, KeyError) as error:
        raise broken(error) from error
    return hashlib.sha256("\0".join(told).encode(errors="surrogateescape")).hexdigest()[:_DIGITS]


def is_commit_of(mirror: Mirror, sha: str, tree: str, parent: str) -> bool:
    """Tell whether a commit of the mirror has this tree and this one parent; raises MirrorBroken."""
    try:
        commit = mirror.open()[sha].peel(pygit2.Commit)
        # A mirror is shallow: the object's own bytes say what its parents are, whether or not they are here.
        lines = commit.read_raw().partition(b"\n\n")[0].decode("ascii", errors="replace").splitlines()
    except (pygit2.GitError, KeyError) as error:
        raise broken(error) from error
    parents = [line.removeprefix("parent ") for line in lines if line.startswith("parent ")]
    return str(commit.tree_id) == tree and parents == [parent]


def store(mirror: Mirror, raw: bytes) -> str:
    """Write a commit object and return its id; raises MirrorBroken."""
    try:
        return str(mirror.open().odb.write(pygit2.enums.ObjectType.COMMIT, raw))
    except (pygit2.GitError, OSError) as error:
        raise broken(error) from error


def push(
    call: Call,
    url: str,
    sha: str,
    target: str,
    *,
    over: str | None = None,
    options: Sequence[str] = (),
) -> None:
    """Have a full ref of the remote point to a commit of the mirror.

    Without `over` the ref may only move forward. With it, it moves from wherever it was, if that is `over`
    ("" when it did not exist). Raises Moved when the ref is elsewhere, PushRefused, and GitError.
    """
    forced = [] if over is None else [f"--force-with-lease={target}:{over}"]
    told = [part for option in options for part in ("--push-option", option)]
    ended = call(*_PUSH, *forced, *told, URL, f"{sha}:{target}")
    if ended.code != 0:
        raise _refusal(call, ended, url, target)


def _refusal(call: Call, ended: Ended, url: str, target: str) -> errors.GitError:
    shown = target.removeprefix("refs/heads/")
    if found := _REJECTED.search(ended.stdout):
        why, said = found[1], _said(call, ended)
        if _MOVED.search(why) and not _GUARDED.search(said):
            return errors.Moved(
                f"unable to push to '{url}': the branch {shown} is not where it was when the commit was made"
                f" ({why})"
            )
        return errors.PushRefused(
            f"unable to push to '{url}': {shown} is refused: {said or why}",
            remedy="if it is protected, let these credentials pass, or push to another spec.git.push.branch",
        )
    failure = call.failure(ended)
    if "does not support push options" in ended.stderr:
        return errors.PushRefused(
            f"unable to push to '{url}': the host takes no push options",
            remedy="remove spec.git.push.options",
        )
    return (
        errors.of_push(failure, url=url)
        if isinstance(failure, errors.GitError)
        else errors.GitError(str(failure))
    )


def _said(call: Call, ended: Ended) -> str:
    """Return what the host printed, as one line."""
    lines = [
        line.removeprefix("remote:").strip()
        for line in ended.stderr.splitlines()
        if line.startswith("remote:")
    ]
    return call.scrubbed(" ".join(line for line in lines if line))[:_LONGEST]
