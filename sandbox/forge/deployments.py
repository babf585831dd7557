# SPDX-License-Identifier: Apache-2.0
"""Deployments and their statuses as the forge keeps and shows them."""

from __future__ import annotations

import json

from sandbox.forge import shapes
from sandbox.forge.commits import repository_with_owner
from sandbox.forge.shapes import Json, Site
from sandbox.forge.store import Row, Store, now


def deployment(store: Store, repository_id: int, deployment_id: int) -> Row | None:
    """Find a deployment of a repository."""
    return store.one(
        "SELECT * FROM deployments WHERE id = ? AND repository_id = ?", deployment_id, repository_id
    )


def statuses(store: Store, deployment_id: int) -> list[Row]:
    """List a deployment's statuses, newest first."""
    return store.all(
        "SELECT * FROM deployment_statuses WHERE deployment_id = ? ORDER BY id DESC", deployment_id
    )


def state(store: Store, deployment_id: int) -> str:
    """Return what a deployment's newest status says; without one it is pending."""
    found = statuses(store, deployment_id)
    return str(found[0]["state"]) if found else "pending"


def add_status(store: Store, row: Row, *, creator_id: int, app_id: int | None, **said: str) -> Row:
    """Write a deployment's status: `state`, `description`, `environment`, `environment_url`, `log_url`."""
    made = store.insert(
        "deployment_statuses", deployment_id=row["id"], creator_id=creator_id, app_id=app_id,
        created_at=now(), **said,
    )  # fmt: skip
    store.write(
        "UPDATE deployments SET environment = ?, updated_at = ? WHERE id = ?",
        said["environment"], now(), row["id"],
    )  # fmt: skip
    return store.row("deployment_statuses", made)


def retire(store: Store, row: Row, *, creator_id: int, app_id: int | None) -> None:
    """Write `inactive` to the earlier deployments to the same environment that succeeded.

    Transient ones are left, and those to production, of which GitHub keeps each as it was.
    """
    earlier = store.all(
        "SELECT * FROM deployments WHERE repository_id = ? AND environment = ? AND id < ? AND NOT transient"
        " AND NOT production",
        row["repository_id"], row["environment"], row["id"],
    )  # fmt: skip
    for one in earlier:
        if state(store, one["id"]) == "success":
            add_status(
                store, one, creator_id=creator_id, app_id=app_id, state="inactive", description="",
                environment=one["environment"], environment_url="", log_url="",
            )  # fmt: skip


def shape(site: Site, store: Store, row: Row) -> Json:
    """Return a deployment."""
    repo, _ = repository_with_owner(store, row["repository_id"])
    address = site.api(f"/repos/{repo['full_name']}/deployments/{row['id']}")
    plain = ("id", "sha", "ref", "task", "environment", "description", "created_at", "updated_at")
    return {name: row[name] for name in plain} | {
        "url": address,
        "node_id": shapes.node_id("Deployment", row["id"]),
        "payload": json.loads(row["payload"]),
        "original_environment": row["environment"],
        "creator": shapes.account(site, store.row("accounts", row["creator_id"])),
        "statuses_url": f"{address}/statuses",
        "repository_url": site.api(f"/repos/{repo['full_name']}"),
        "transient_environment": bool(row["transient"]),
        "production_environment": bool(row["production"]),
        "performed_via_github_app": _app(site, store, row["app_id"]),
    }


def status_shape(site: Site, store: Store, deployment_row: Row, row: Row) -> Json:
    """Return a deployment's status."""
    repo, _ = repository_with_owner(store, deployment_row["repository_id"])
    address = site.api(f"/repos/{repo['full_name']}/deployments/{row['deployment_id']}")
    plain = ("id", "state", "description", "environment", "environment_url", "log_url", "created_at")
    return {name: row[name] for name in plain} | {
        "url": f"{address}/statuses/{row['id']}",
        "node_id": shapes.node_id("DeploymentStatus", row["id"]),
        "creator": shapes.account(site, store.row("accounts", row["creator_id"])),
        # The older name of the log's address.
        "target_url": row["log_url"],
        "updated_at": row["created_at"],
        "deployment_url": address,
        "repository_url": site.api(f"/repos/{repo['full_name']}"),
        "performed_via_github_app": _app(site, store, row["app_id"]),
    }


def _app(site: Site, store: Store, app_id: int | None) -> Json | None:
    if app_id is None:
        return None
    row = store.row("apps", app_id)
    return shapes.app(site, row, store.row("accounts", row["owner_id"]))
