# SPDX-License-Identifier: Apache-2.0
"""The client's part for pull requests: what people do with them, each with that person's own rights.

Everything goes through the REST API and returns what it answers.
"""

from __future__ import annotations

from typing import Any, cast

from sandbox.forge.admin_http import Caller, Repository

Body = dict[str, Any]


def _path(repo: Repository) -> str:
    return f"/repos/{repo.full_name}"


class Conversations(Caller):
    """Open, discuss, review and merge pull requests. A person who may not do it gets a ForgeError."""

    def fork(self, repo: Repository, author: str) -> Repository:
        """Fork a repository into somebody's account."""
        found = self._as(author, "POST", f"{_path(repo)}/forks")
        brief = {name: found[name] for name in ("id", "name", "full_name", "private", "default_branch")}
        return Repository(owner=author, clone_url=found["clone_url"], html_url=found["html_url"], **brief)

    def publish_release(self, repo: Repository, tag: str, body: str, *, author: str = "alice") -> Body:
        """Publish a release of a tag, which is made where there is none."""
        asked = {"tag_name": tag, "name": tag, "body": body}
        return cast(Body, self._as(author, "POST", f"{_path(repo)}/releases", asked))

    def open_pull_request(
        self,
        repo: Repository,
        head: str,
        title: str,
        *,
        base: str | None = None,
        body: str | None = None,
        author: str = "alice",
        draft: bool = False,
    ) -> Body:
        """Open a pull request from a branch, or from `owner:branch` of a fork.

        It goes into `base` or the default branch. Its author needs write access to the branch's repository.
        """
        asked = {"head": head, "base": base or repo.default_branch, "title": title, "body": body}
        return cast(Body, self._as(author, "POST", f"{_path(repo)}/pulls", asked | {"draft": draft}))

    def pull_request(self, repo: Repository, number: int, *, reader: str = "alice") -> Body:
        """Look at a pull request; whether it can be merged is `null` for who asks first after a push."""
        return cast(Body, self._as(reader, "GET", f"{_path(repo)}/pulls/{number}"))

    def pull_requests(self, repo: Repository, *, state: str = "open", reader: str = "alice") -> list[Body]:
        """List pull requests that are `open`, `closed` or `all`, newest first."""
        path = f"{_path(repo)}/pulls?state={state}&per_page=100"
        return cast(list[Body], self._as(reader, "GET", path))

    def edit_pull_request(
        self, repo: Repository, number: int, *, author: str = "alice", **changes: str
    ) -> Body:
        """Change a pull request's `title`, `body`, `base` or `state`."""
        return cast(Body, self._as(author, "PATCH", f"{_path(repo)}/pulls/{number}", changes))

    def retarget(self, repo: Repository, number: int, base: str, *, author: str = "alice") -> Body:
        """Let a pull request go to another branch."""
        return self.edit_pull_request(repo, number, author=author, base=base)

    def close(self, repo: Repository, number: int, *, author: str = "alice") -> Body:
        """Close a pull request without merging it."""
        return self.edit_pull_request(repo, number, author=author, state="closed")

    def reopen(self, repo: Repository, number: int, *, author: str = "alice") -> Body:
        """Open a closed pull request again."""
        return self.edit_pull_request(repo, number, author=author, state="open")

    def merge(
        self,
        repo: Repository,
        number: int,
        *,
        author: str = "alice",
        method: str = "merge",
        sha: str | None = None,
    ) -> str:
        """Merge a pull request (`merge`, `squash`, `rebase`) and return where its base then is."""
        asked = {"merge_method": method} | ({"sha": sha} if sha else {})
        return str(self._as(author, "PUT", f"{_path(repo)}/pulls/{number}/merge", asked)["sha"])

    def review(
        self, repo: Repository, number: int, event: str, *, body: str = "", author: str = "bob"
    ) -> Body:
        """Review a pull request: `APPROVE`, `REQUEST_CHANGES` or `COMMENT`, the last two with a text."""
        asked = {"event": event, "body": body}
        return cast(Body, self._as(author, "POST", f"{_path(repo)}/pulls/{number}/reviews", asked))

    def dismiss(
        self, repo: Repository, number: int, review_id: int, message: str, *, author: str = "alice"
    ) -> Body:
        """Dismiss a review."""
        path = f"{_path(repo)}/pulls/{number}/reviews/{review_id}/dismissals"
        return cast(Body, self._as(author, "PUT", path, {"message": message}))

    def comment(self, repo: Repository, number: int, body: str, *, author: str = "alice") -> Body:
        """Write a comment on a pull request or issue."""
        return cast(Body, self._as(author, "POST", f"{_path(repo)}/issues/{number}/comments", {"body": body}))

    def edit_comment(self, repo: Repository, comment_id: int, body: str, *, author: str = "alice") -> Body:
        """Change what a comment says."""
        path = f"{_path(repo)}/issues/comments/{comment_id}"
        return cast(Body, self._as(author, "PATCH", path, {"body": body}))

    def delete_comment(self, repo: Repository, comment_id: int, *, author: str = "alice") -> None:
        """Delete a comment."""
        self._as(author, "DELETE", f"{_path(repo)}/issues/comments/{comment_id}")

    def comments(self, repo: Repository, number: int, *, reader: str = "alice") -> list[Body]:
        """Return the first hundred comments of a pull request or issue, oldest first."""
        path = f"{_path(repo)}/issues/{number}/comments?per_page=100"
        return cast(list[Body], self._as(reader, "GET", path))

    def react(self, repo: Repository, comment_id: int, content: str, *, author: str = "alice") -> Body:
        """React to a comment."""
        path = f"{_path(repo)}/issues/comments/{comment_id}/reactions"
        return cast(Body, self._as(author, "POST", path, {"content": content}))

    def reactions(self, repo: Repository, comment_id: int, *, reader: str = "alice") -> list[tuple[str, str]]:
        """Return who reacted how (`login`, `content`) to a comment, oldest first."""
        path = f"{_path(repo)}/issues/comments/{comment_id}/reactions?per_page=100"
        found = self._as(reader, "GET", path)
        return [(reaction["user"]["login"], reaction["content"]) for reaction in found]

    def open_issue(
        self, repo: Repository, title: str, *, body: str | None = None, author: str = "alice"
    ) -> Body:
        """Open an issue."""
        return cast(Body, self._as(author, "POST", f"{_path(repo)}/issues", {"title": title, "body": body}))

    def label(self, repo: Repository, number: int, *names: str, author: str = "alice") -> list[str]:
        """Label a pull request or issue and return all its labels."""
        asked = {"labels": list(names)}
        found = self._as(author, "POST", f"{_path(repo)}/issues/{number}/labels", asked)
        return [str(entry["name"]) for entry in found]
