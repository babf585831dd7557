# SPDX-License-Identifier: Apache-2.0
"""Forks: a copy of a repository in somebody else's account, from which pull requests come back."""

from __future__ import annotations

from typing import Any

from sandbox.forge import accounts, shapes
from sandbox.forge.api.blueprint import actor, api, body, caller, paginated, repository
from sandbox.forge.api.repos import full
from sandbox.forge.commits import repository_with_owner
from sandbox.forge.errors import ApiError, unauthenticated
from sandbox.forge.state import forge


@api.get("/repos/<owner>/<name>/forks")
def list_forks(owner: str, name: str) -> list[dict[str, Any]]:
    """List the forks of a repository that the caller may know of, newest first."""
    repo, store = repository(owner, name), forge().store
    rows = [row for row in accounts.repositories(store) if row["parent_id"] == repo["id"]][::-1]
    seen = paginated([row for row in rows if caller().sees(store, row)])
    return [shapes.repository(forge().site, *repository_with_owner(store, row["id"])) for row in seen]


@api.post("/repos/<owner>/<name>/forks")
def create_fork(owner: str, name: str) -> tuple[dict[str, Any], int]:
    """Fork a repository into the caller's account, under its name or another; who has one gets that."""
    repo, state = repository(owner, name), forge()
    if caller().user is None:
        raise ApiError(403, "Resource not accessible by integration") if caller().key else unauthenticated()
    asked, who = body(), actor().account
    if asked.get("organization") or asked.get("default_branch_only"):
        raise ApiError(422, "This forge forks all branches, into the account of whoever asks.")
    for row in accounts.repositories(state.store, who["id"]):
        if row["parent_id"] == repo["id"]:
            return full(row), 202
    try:
        with state.store.transaction():
            made = accounts.create_repository(
                state.store, who, asked.get("name") or repo["name"], private=bool(repo["private"]),
                default_branch=repo["default_branch"],
            )  # fmt: skip
            state.store.insert("forks", repository_id=made["id"], parent_id=repo["id"])
    except accounts.Refused as error:
        raise ApiError(422, str(error)) from error
    with state.repositories.lock(repo["id"]):
        state.repositories.join(made["id"], repo["id"])
        state.repositories.create(made["id"], repo["default_branch"])
        state.repositories.fetch(
            made["id"], repo["id"], "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"
        )
    return full(accounts.existing_repository(state.store, made["id"])), 202
