# SPDX-License-Identifier: Apache-2.0
"""Pages to look at: repositories, commits with their statuses, files, and what an App was sent.

Rendered here, without scripts or outside assets. A private repository asks for a login like any other forge.
"""

from __future__ import annotations

import json
from typing import Any

import pygit2
from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Response as BaseResponse

from sandbox.forge import accounts, check_views, commits, git, pulls, views
from sandbox.forge.principals import NOBODY, Principal, from_basic
from sandbox.forge.state import forge
from sandbox.forge.store import Row

pages = Blueprint("pages", __name__)

_COMMITS_SHOWN = 30
_DELIVERIES_SHOWN = 50
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'"
)


class _LoginNeeded(Exception):
    pass


@pages.after_request
def harden(response: Response) -> Response:
    """Forbid everything that the pages do not need, since they show what others wrote."""
    response.headers.setdefault("Content-Security-Policy", _POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@pages.errorhandler(_LoginNeeded)
def ask_for_login(_: _LoginNeeded) -> tuple[str, int, dict[str, str]]:
    """Let the browser ask for an account's name and secret."""
    text = "Log in as somebody who may see it. Nobody can tell you here whether it exists."
    page = render_template("error.html", status=401, heading="Log in to see this", text=text)
    return page, 401, {"WWW-Authenticate": 'Basic realm="Forge", charset="UTF-8"'}


@pages.app_errorhandler(HTTPException)
def explain(error: HTTPException) -> tuple[str, int]:
    """Show a page for what is not there."""
    status = error.code or 500
    heading = "Not here" if status == 404 else error.name
    text = "There is no such page." if status == 404 else (error.description or "")
    return render_template("error.html", status=status, heading=heading, text=text), status


def _viewer() -> Principal:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if not value:
        return NOBODY
    found = from_basic(forge().store, value) if scheme.lower() == "basic" else None
    if found is None:
        raise _LoginNeeded
    return found


def visible_repository(owner: str, name: str) -> Row:
    """Return a repository that whoever looks may see, or raise what asks for a login or shows nothing."""
    viewer = _viewer()
    found = accounts.repository(forge().store, owner, name)
    if found is not None and viewer.sees(forge().store, found):
        return found
    # As on GitHub, what is private looks like what is not there, until one logs in.
    if found is not None and viewer is NOBODY:
        raise _LoginNeeded
    raise NotFound


def _found(repo: Row, ref: str) -> tuple[pygit2.Repository, pygit2.Commit]:
    opened = forge().repositories.open(repo["id"])
    commit = git.resolve(opened, ref)
    if commit is None:
        raise NotFound
    return opened, commit


def _state(repo: Row, sha: str) -> str:
    return check_views.combined(forge().store, repo["id"], sha)


@pages.get("/")
def index() -> str:
    """List the repositories and Apps."""
    apps = forge().store.all("SELECT * FROM apps ORDER BY name")
    return _list(accounts.repositories(forge().store), account="", apps=apps)


@pages.get("/<owner>")
def show_account(owner: str) -> str:
    """List the repositories of an account."""
    account = accounts.account(forge().store, owner)
    if account is None:
        raise NotFound
    return _list(accounts.repositories(forge().store, account["id"]), account=account["login"], apps=[])


def _list(repos: list[Row], *, account: str, apps: list[Row]) -> str:
    viewer = _viewer()
    entries = []
    for repo in repos:
        if not viewer.sees(forge().store, repo):
            continue
        refs = forge().repositories.refs(repo["id"])
        head = refs.get(f"refs/heads/{repo['default_branch']}", "")
        state = _state(repo, head) if head else ""
        pushed = views.moment(repo["pushed_at"])
        entries.append({"repo": repo, "head": head[:7], "state": state, "pushed": pushed})
    return render_template("index.html", entries=entries, account=account, apps=apps)


@pages.get("/<owner>/<name>")
def show_repository(owner: str, name: str) -> str | BaseResponse:
    """Show a repository: how to clone it, its branches, its newest commits."""
    if name.endswith(".git"):
        return redirect(f"/{owner}/{name.removesuffix('.git')}")
    repo = visible_repository(owner, name)
    return _repository_page(repo, repo["default_branch"])


@pages.get("/<owner>/<name>/commits/<path:ref>")
def show_history(owner: str, name: str, ref: str) -> str:
    """Show a branch's newest commits."""
    repo = visible_repository(owner, name)
    _found(repo, ref)
    return _repository_page(repo, ref)


def _repository_page(repo: Row, ref: str) -> str:
    opened, refs = forge().repositories.open(repo["id"]), forge().repositories.refs(repo["id"])
    heads = {full.removeprefix("refs/heads/"): oid for full, oid in refs.items() if "refs/heads/" in full}
    head = git.resolve(opened, ref)
    recent = git.walk(opened, str(head.id), limit=_COMMITS_SHOWN) if head else []
    return render_template(
        "repository.html",
        repo=repo,
        clone_url=forge().site.web(f"/{repo['full_name']}.git"),
        branches=[{"name": n, "sha": oid, "state": _state(repo, oid)} for n, oid in sorted(heads.items())],
        tags=sorted(full.removeprefix("refs/tags/") for full in refs if full.startswith("refs/tags/")),
        commits=_with_states(repo, recent),
        shown=ref if head else "",
        open=sum(pull["state"] == "open" for pull in pulls.pulls(forge().store, repo["id"])),
    )


def _with_states(repo: Row, listed: Any) -> list[dict[str, Any]]:
    return [views.commit(found) | {"state": _state(repo, str(found.id))} for found in listed]


@pages.get("/<owner>/<name>/commit/<sha>")
def show_commit(owner: str, name: str, sha: str) -> str:
    """Show a commit: its statuses, and what it changed. The page reloads itself while one is pending."""
    repo = visible_repository(owner, name)
    opened, found = _found(repo, sha)
    state = forge()
    rows = commits.statuses(state.store, repo["id"], str(found.id))
    latest = commits.latest_statuses(state.store, repo["id"], str(found.id))
    newest = {row["id"] for row in latest}
    changed = commits.changed_files(state.site, repo, git.diff(opened, found), str(found.id))
    combined = _state(repo, str(found.id))
    return render_template(
        "commit.html",
        repo=repo,
        commit=views.commit(found),
        state=combined,
        refresh=combined == "pending",
        checks=check_views.listed(state.store, repo["id"], str(found.id)),
        earlier=[views.status(state.store, row) for row in rows if row["id"] not in newest],
        files=views.files(changed),
    )


@pages.get("/<owner>/<name>/compare/<path:basehead>")
def show_comparison(owner: str, name: str, basehead: str) -> str:
    """Show what lies between two commits, `base...head`, or on a branch since the default one."""
    repo = visible_repository(owner, name)
    base_ref, dots, head_ref = basehead.partition("...")
    if not dots:
        base_ref, head_ref = repo["default_branch"], basehead
    (opened, base), (_, head) = _found(repo, base_ref), _found(repo, head_ref)
    root = opened.merge_base(base.id, head.id)
    start = opened[root].tree if root else base.tree
    changed = commits.changed_files(forge().site, repo, start.diff_to_tree(head.tree), str(head.id))
    between = git.walk(opened, str(head.id), hide=[str(base.id)], limit=_COMMITS_SHOWN)
    return render_template(
        "compare.html", repo=repo, basehead=basehead, sha=str(head.id), commits=_with_states(repo, between),
        files=views.files(changed),
    )  # fmt: skip


@pages.get("/<owner>/<name>/tree/<path:rest>")
def show_tree(owner: str, name: str, rest: str) -> str:
    """Show a folder at a branch, tag or commit."""
    repo = visible_repository(owner, name)
    ref, path, entry = _entry(repo, rest)
    if not isinstance(entry, pygit2.Tree):
        raise NotFound
    entries = views.tree(entry, path)
    return render_template(
        "tree.html", repo=repo, ref=ref, path=path, crumbs=views.crumbs(path), entries=entries
    )


@pages.get("/<owner>/<name>/blob/<path:rest>")
def show_blob(owner: str, name: str, rest: str) -> str:
    """Show a file at a branch, tag or commit."""
    repo = visible_repository(owner, name)
    ref, path, entry = _entry(repo, rest)
    if not isinstance(entry, pygit2.Blob):
        raise NotFound
    return render_template(
        "blob.html", repo=repo, ref=ref, path=path, crumbs=views.crumbs(path), size=entry.size,
        lines=views.lines(entry),
    )  # fmt: skip


@pages.get("/<owner>/<name>/raw/<path:rest>")
def show_raw(owner: str, name: str, rest: str) -> Response:
    """Hand out a file as it is; never as something that a browser would run."""
    repo = visible_repository(owner, name)
    _, _, entry = _entry(repo, rest)
    if not isinstance(entry, pygit2.Blob):
        raise NotFound
    return Response(entry.data, content_type="text/plain; charset=utf-8")


def _entry(repo: Row, rest: str) -> tuple[str, str, Any]:
    """Split `<ref>/<path>` where a ref is found (branch names have slashes) and return what lies there."""
    opened = forge().repositories.open(repo["id"])
    parts = rest.strip("/").split("/")
    for length in range(1, len(parts) + 1):
        ref, path = "/".join(parts[:length]), "/".join(parts[length:])
        found = git.resolve(opened, ref)
        if found is not None:
            try:
                return ref, path, found.tree[path] if path else found.tree
            except KeyError:
                continue
    raise NotFound


@pages.get("/apps/<slug>")
def show_app(slug: str) -> str:
    """Show an App and what it was sent lately."""
    store = forge().store
    app = accounts.app(store, slug)
    if app is None:
        raise NotFound
    sql = "SELECT * FROM deliveries WHERE app_id = ? ORDER BY id DESC LIMIT ?"
    return render_template(
        "app.html",
        app=app,
        permissions=json.loads(app["permissions"]),
        events=json.loads(app["events"]),
        installations=accounts.installations(store, app_id=app["id"]),
        deliveries=[views.delivery(row) for row in store.all(sql, app["id"], _DELIVERIES_SHOWN)],
    )


@pages.get("/settings/installations/<int:installation_id>")
@pages.get("/organizations/<owner>/settings/installations/<int:installation_id>")
def show_installation(installation_id: int, owner: str = "") -> BaseResponse:
    """Lead from an installation's address to its App."""
    installed = accounts.installation(forge().store, installation_id)
    if installed is None:
        raise NotFound
    return redirect(f"/apps/{installed['app_slug']}")


@pages.get("/_sandbox/avatars/<int:account_id>.svg")
def show_avatar(account_id: int) -> Response:
    """Draw an account's initial on its own colour."""
    row = forge().store.one("SELECT login FROM accounts WHERE id = ?", account_id)
    if row is None:
        raise NotFound
    drawing = views.avatar(row["login"], account_id)
    return Response(drawing, content_type="image/svg+xml", headers={"Cache-Control": "max-age=3600"})
