# SPDX-License-Identifier: Apache-2.0
"""Commits by the bot without a clone: one tree, one commit, one ref; and reading a file.

Author and committer are left out, so that GitHub signs the commit and shows it as verified.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from policies.budget import Urgency
from workers.github.calls import CONTENTS, READING, Calls
from workers.github.errors import BranchMoved, GitHubError, Invalid, NotFound, ServerError, Unreachable

_FILE, _SUBMODULE = "100644", "160000"


@dataclass(frozen=True)
class Entry:
    """A file of a tree: its mode (`100644`, `100755`, `120000`) and the blob that it is.

    A submodule has the mode `160000` and a commit.
    """

    path: str
    mode: str
    sha: str


@dataclass(frozen=True)
class Change:
    """What a path is to be: these bytes, or that blob; with neither it is deleted."""

    path: str
    content: bytes | None = None
    sha: str | None = None
    mode: str = _FILE


class GitData:
    """Read files and write commits; every method raises GitHubError."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def head(self, repository: str, branch: str, *, urgency: Urgency = Urgency.FINAL) -> str | None:
        """Return the commit that a branch of `owner/name` points to, or None when there is no such branch."""
        path, what = f"/git/ref/heads/{quote(branch)}", f"show the branch {branch} of {repository}"
        try:
            shown = self._read(repository, path, what, urgency, changes=True)
        except NotFound:
            return None
        return str(shown["object"]["sha"])

    def read(self, repository: str, path: str, ref: str, *, urgency: Urgency = Urgency.FINAL) -> bytes | None:
        """Return a file as it is at a ref, or None when there is none; raises Invalid for a folder."""
        what = f"read {path} of {repository}"
        query = f"/contents/{quote(path)}?ref={quote(ref, safe='')}"
        try:
            shown = self._read(repository, query, what, urgency, changes=True)
        except NotFound:
            return None
        if not isinstance(shown, dict) or shown.get("type") != "file":
            raise Invalid(f"{path} of {repository} is not a file")
        # What is larger than a megabyte comes without its content.
        if shown.get("encoding") != "base64":
            shown = self._read(repository, f"/git/blobs/{shown['sha']}", what, urgency)
        return _decoded(shown["content"], what)

    def tree(self, repository: str, sha: str, *, urgency: Urgency = Urgency.FINAL) -> list[Entry]:
        """List files and submodules of a commit or tree; raises Invalid for more than GitHub lists."""
        what = f"list the files of {repository}@{sha[:7]}"
        shown = self._read(repository, f"/git/trees/{sha}?recursive=1", what, urgency)
        if shown["truncated"]:
            raise Invalid(f"{repository}@{sha[:7]} has more files than GitHub lists at once")
        blobs = (entry for entry in shown["tree"] if entry["type"] != "tree")
        return [Entry(entry["path"], entry["mode"], entry["sha"]) for entry in blobs]

    def parents(self, repository: str, sha: str, *, urgency: Urgency = Urgency.FINAL) -> list[str]:
        """Return the parents of a commit, of a merge first where it was merged into."""
        what = f"show {repository}@{sha[:7]}"
        shown = self._read(repository, f"/git/commits/{sha}", what, urgency)
        return [str(one["sha"]) for one in shown["parents"]]

    def commit(
        self,
        repository: str,
        branch: str,
        *,
        parent: str,
        changes: Iterable[Change],
        message: str,
        forward: bool = False,
        over: str | None = None,
        urgency: Urgency = Urgency.FINAL,
    ) -> str:
        """Have a branch point to a commit with these changes on a parent, and return the commit.

        The branch is made when there is none, and moved wherever it was; one that is this commit already
        stays. With `forward` it moves from the parent only, with `over` only from there ("": it is made), and
        else BranchMoved is raised. Raises GitHubError; after a retryable one, calling again is safe.
        """
        base = self._read(repository, f"/git/commits/{parent}", f"show {repository}@{parent[:7]}", urgency)
        entries = [self._entry(repository, change, urgency) for change in changes]
        body = {"base_tree": base["tree"]["sha"], "tree": entries}
        tree = self._create(repository, "/git/trees", f"write a tree to {repository}", body, urgency)["sha"]
        there = self.head(repository, branch, urgency=urgency)
        if there and self._is(repository, there, tree, parent, message, urgency):
            return there
        if (forward and there != parent) or (over is not None and (there or "") != over):
            raise _moved(repository, branch)
        body = {"message": message, "tree": tree, "parents": [parent]}
        made = self._create(repository, "/git/commits", f"write a commit to {repository}", body, urgency)
        held = forward or over is not None
        self._point(repository, branch, there, str(made["sha"]), urgency, force=not forward, held=held)
        return str(made["sha"])

    def delete_branch(
        self, repository: str, branch: str, *, at: str = "", urgency: Urgency = Urgency.PROGRESS
    ) -> None:
        """Delete a branch, if it is still there; with `at` raises BranchMoved where it ends otherwise."""
        there = self.head(repository, branch, urgency=urgency)
        if there is None:
            return
        if at and there != at:
            raise _moved(repository, branch)
        path, what = f"/git/refs/heads/{quote(branch)}", f"delete the branch {branch} of {repository}"
        self._calls.call("DELETE", repository, path, what, permissions=CONTENTS, urgency=urgency)

    def _read(self, repository: str, path: str, what: str, urgency: Urgency, *, changes: bool = False) -> Any:
        # What is named by its content is read once, and not worth being kept.
        return self._calls.call(
            "GET", repository, path, what, permissions=READING, urgency=urgency, conditional=changes
        )

    def _create(self, repository: str, path: str, what: str, body: dict[str, Any], urgency: Urgency) -> Any:
        # Objects are named by their content: one that was written twice is there once, or in nobody's way.
        return self._calls.call("POST", repository, path, what, body, permissions=CONTENTS, urgency=urgency)

    def _entry(self, repository: str, change: Change, urgency: Urgency) -> dict[str, Any]:
        kind = "commit" if change.mode == _SUBMODULE else "blob"
        entry: dict[str, Any] = {"path": change.path, "mode": change.mode, "type": kind}
        if change.content is None:
            return entry | {"sha": change.sha}
        try:
            return entry | {"content": change.content.decode()}
        except UnicodeDecodeError:
            encoded = base64.b64encode(change.content).decode()
            body = {"content": encoded, "encoding": "base64"}
            what = f"write {change.path} to {repository}"
            return entry | {"sha": self._create(repository, "/git/blobs", what, body, urgency)["sha"]}

    def _is(self, repository: str, sha: str, tree: str, parent: str, message: str, urgency: Urgency) -> bool:
        shown = self._read(repository, f"/git/commits/{sha}", f"show {repository}@{sha[:7]}", urgency)
        parents = [one["sha"] for one in shown["parents"]]
        return (shown["tree"]["sha"], parents, shown["message"]) == (tree, [parent], message)

    def _point(
        self,
        repository: str,
        branch: str,
        there: str | None,
        sha: str,
        urgency: Urgency,
        *,
        force: bool,
        held: bool,
    ) -> None:
        """Move or make a branch; with `held` it is said that somebody else was faster."""
        what = f"move the branch {branch} of {repository}"
        ref: dict[str, Any] = {"ref": f"refs/heads/{branch}", "sha": sha}
        method, path, body = "POST", "/git/refs", ref
        if there is not None:
            method, path, body = "PATCH", f"/git/refs/heads/{quote(branch)}", {"sha": sha, "force": force}
        try:
            self._calls.call(method, repository, path, what, body, permissions=CONTENTS, urgency=urgency)
        except (ServerError, Unreachable):
            if self.head(repository, branch, urgency=urgency) != sha:
                raise
        except Invalid:
            if not held or self.head(repository, branch, urgency=urgency) == there:
                raise
            raise _moved(repository, branch) from None


def _moved(repository: str, branch: str) -> BranchMoved:
    return BranchMoved(f"the branch {branch} of {repository} is not where it was when it was looked at")


def _decoded(content: str, what: str) -> bytes:
    try:
        return base64.b64decode(content)
    except binascii.Error:
        raise GitHubError(f"GitHub's answer to the request to {what} is not Base64") from None
