# SPDX-License-Identifier: Apache-2.0
"""The pages of pull requests and issues, with a form to take part as somebody.

They look for news themselves, by the one script there is: it puts in what changed and leaves the rest.
"""

from __future__ import annotations

import secrets
from typing import Any

from flask import Response, redirect, render_template, request
from werkzeug.exceptions import Forbidden, NotFound
from werkzeug.wrappers import Response as BaseResponse

from sandbox.forge import (
    accounts,
    check_views,
    conversations,
    issues,
    merge_gates,
    merges,
    pull_requests,
    pull_views,
    pulls,
    views,
)
from sandbox.forge.accounts import LEVELS
from sandbox.forge.errors import ApiError
from sandbox.forge.issues import Actor
from sandbox.forge.pages import pages, visible_repository
from sandbox.forge.principals import Principal
from sandbox.forge.state import forge
from sandbox.forge.store import Row

__all__ = ["pages"]

# What a page must send along to act; no page of somebody else's can read it.
_TOKEN = secrets.token_urlsafe(16)
_MERGES = {
    "clean": ("success", "It can be merged."),
    "unstable": ("pending", "It can be merged; not all checks are good."),
    "dirty": ("failure", "It conflicts with its base."),
    "draft": ("", "It is a draft."),
    "behind": ("pending", "It is behind its base."),
}


@pages.get("/<owner>/<name>/pulls")
def list_pulls(owner: str, name: str) -> str:
    """List the pull requests of a repository, open or all."""
    repo, store = visible_repository(owner, name), forge().store
    every = pulls.pulls(store, repo["id"])
    opened = [pull for pull in every if pull["state"] == "open"]
    everything = request.args.get("state") == "all"
    shown = [_row(repo, pull) for pull in (every if everything else opened)]
    return render_template(
        "pulls.html", repo=repo, pulls=shown, everything=everything, open=len(opened), all=len(every)
    )


def _row(repo: Row, pull: Row) -> dict[str, Any]:
    store = forge().store
    issue = issues.existing_issue(store, pull["issue_id"])
    word, mark = pull_views.state(issue)
    names = ("number", "title", "base_ref", "head_ref")
    return {name: pull[name] for name in names} | {
        "state": word,
        "mark": mark,
        "checks": check_views.combined(store, repo["id"], pull["head_sha"]),
        "login": store.row("accounts", pull["user_id"])["login"],
        "time": views.moment(pull["updated_at"]),
        "comments": len(issues.comments(store, issue_id=pull["issue_id"])),
    }


@pages.get("/<owner>/<name>/pull/<int:number>")
@pages.get("/<owner>/<name>/issues/<int:number>")
def show_conversation(owner: str, name: str, number: int) -> Response:
    """Show a pull request or issue: what it is, what was said, how its checks are, what one can do."""
    return _page(*_found(owner, name, number))


def _found(owner: str, name: str, number: int) -> tuple[Row, Row]:
    repo = visible_repository(owner, name)
    issue = issues.issue(forge().store, repo["id"], number)
    if issue is None:
        raise NotFound
    return repo, issue


def _page(repo: Row, issue: Row, *, problem: str = "", text: str = "") -> Response:
    store, nonce = forge().store, secrets.token_urlsafe(16)
    opened = forge().repositories.open(repo["id"])
    word, mark = pull_views.state(issue)
    chosen = request.form.get("login") or request.args.get("as", "")
    page = render_template(
        "pull.html",
        repo=repo,
        issue=issue,
        state=word,
        mark=mark,
        author=store.row("accounts", issue["user_id"])["login"],
        labels=issues.labels(store, issue["id"]),
        items=[
            pull_views.description(store, repo, issue),
            *pull_views.timeline(store, repo, opened, issue),
        ],
        pull=_branches(repo, issue),
        people=_people(repo),
        chosen=chosen,
        token=_TOKEN,
        nonce=nonce,
        problem=problem,
        text=text,
    )
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; connect-src 'self';"
        " img-src 'self' data:; base-uri 'none'; form-action 'self'"
    )
    status = 422 if problem else 200
    return Response(page, status, headers={"Content-Security-Policy": policy, "Cache-Control": "no-store"})


def _branches(repo: Row, issue: Row) -> dict[str, Any] | None:
    """Return how a pull request stands: its branches, checks, and whether it merges; None for an issue."""
    if not issue["pull_id"]:
        return None
    store = forge().store
    pull, state = merge_gates.mergeable_state(pulls.existing_pull(store, issue["pull_id"]))
    head_repo = accounts.existing_repository(store, pull["head_repository_id"])
    fork = head_repo["id"] != repo["id"]
    why = merge_gates.obstacle(pull, level=LEVELS["write"]) if state in ("blocked", "behind") else None
    mark, sentence = _MERGES.get(state, ("", "Whether it can be merged is being looked into."))
    if why:
        mark, sentence = "failure", why
    return {
        **{name: pull[name] for name in ("base_ref", "base_sha", "root_sha", "head_sha", "changed_files")},
        "commits": len(pulls.commit_ids(store, pull["id"])),
        "head": f"{head_repo['owner_login']}:{pull['head_ref']}" if fork else pull["head_ref"],
        "head_repo": head_repo["full_name"],
        "head_ref": pull["head_ref"],
        "open": pull["state"] == "open",
        "merged_by": store.row("accounts", pull["merged_by_id"])["login"] if pull["merged_at"] else "",
        "checks": check_views.listed(store, repo["id"], pull["head_sha"]),
        "mark": mark,
        "sentence": sentence,
        "methods": merges.METHODS,
    }


def _people(repo: Row) -> list[str]:
    """List the logins of those who may read the repository, and so take part."""
    store = forge().store
    users = store.all("SELECT * FROM accounts WHERE type = 'User' ORDER BY login")
    return [user["login"] for user in users if accounts.access(store, user["id"], repo)]


@pages.post("/<owner>/<name>/pull/<int:number>")
@pages.post("/<owner>/<name>/issues/<int:number>")
def take_part(owner: str, name: str, number: int) -> Response | BaseResponse:
    """Comment, approve, close, reopen or merge as the person chosen, with that person's rights."""
    if not secrets.compare_digest(request.form.get("token", ""), _TOKEN):
        raise Forbidden("This form is not of this forge, or of one that ran before: load the page again.")
    repo, issue = _found(owner, name, number)
    account = accounts.account(forge().store, request.form.get("login", ""))
    text = request.form.get("body", "").replace("\r\n", "\n").strip()
    if account is None or account["type"] != "User":
        return _page(repo, issue, problem="Choose who you are.", text=text)
    try:
        _act(repo, issue, account, request.form.get("verb", ""), text)
    except ApiError as error:
        return _page(repo, issue, problem=_why(error), text=text)
    return redirect(f"{request.path}?as={account['login']}#say", 303)


def _why(error: ApiError) -> str:
    first = error.errors[0] if error.errors else ""
    return str(first.get("message", error)) if isinstance(first, dict) else first or str(error)


def _act(repo: Row, issue: Row, account: Row, verb: str, text: str) -> None:
    store, actor, principal = forge().store, Actor(account), Principal(user=account)
    pull = pulls.existing_pull(store, issue["pull_id"]) if issue["pull_id"] else None
    own = issue["user_id"] == actor.id
    if verb == "merge" and pull is not None:
        principal.require(store, repo, "contents", "write")
        merges.merge_pull(pull, actor, method=request.form.get("method", "merge"))
        return
    principal.require(store, repo, "issues", "write", person="read")
    if verb == "approve" and pull is not None:
        conversations.check_verdict(pull, actor, "APPROVE", text)
        review = conversations.start_review(pull, actor, body=text, commit_id=pull["head_sha"])
        conversations.submit_review(pull, review, actor, event="APPROVE", body=text)
        return
    if text:
        conversations.comment(issue, actor, text)
    elif verb not in ("close", "reopen"):
        raise ApiError(422, "A comment needs a text.")
    if verb in ("close", "reopen") and pull is not None:
        principal.require(store, repo, "issues", "write", person="read" if own else "triage")
        if verb == "close" and pull["state"] == "open":
            pull_requests.close(pull, actor)
        elif verb == "reopen" and pull["state"] == "closed":
            head_repo = accounts.existing_repository(store, pull["head_repository_id"])
            pull_requests.reopen(pull, actor, head_repo)
