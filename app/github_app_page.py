# SPDX-License-Identifier: Apache-2.0
"""docs/github-app.md, the page on the GitHub App, written from what the App asks for."""

from __future__ import annotations

from policies.github.permissions import EVENTS, PERMISSIONS, Permission

_PAGE = """\
# The GitHub App

<!-- Written by `make generate` from policies/github/permissions.py. -->

Fairway is a GitHub App of your own: one for each cluster. Register it at *Settings → Developer settings →
GitHub Apps*, of the organization that owns the repositories:

1. Webhook: active, its URL is `https://HOST/webhooks/github` of the listener `FAIRWAY_LISTEN`, with a
   secret of your own making; put the same into the file that `FAIRWAY_WEBHOOK_SECRET_FILE` names.
2. Permissions and events: the tables below.
3. Where it can be installed: only on this account, unless several use it. Then name them in
   `FAIRWAY_GITHUB_ACCOUNTS`: whoever can install an App can send it events.
4. A private key, into the file that `FAIRWAY_GITHUB_PRIVATE_KEY_FILE` names; the App's id into
   `FAIRWAY_GITHUB_APP_ID`.
5. Install it on the repositories.

## Permissions

| permission | access | why | what is missing without it |
|---|---|---|---|
{permissions}

Each request uses a token for one repository with only the permissions it needs. What meets one that the App
does not have rests for ten minutes, the rest goes on, and the comment of the pull request names it; the
order `/status` names all that are lacking. After you have granted it in the App's settings, an owner of
each account has to accept it; Fairway then tries again by itself.

It asks for no administration, no secrets, no workflows; so GitHub refuses a rollback that would change a
file below `.github/workflows`.

## The required check

Every head has the status `fairway/<cluster>` before the merge, so it can be required in a branch's ruleset.
Choose this App as its source there, not *any source*: whoever may write to a repository can write a status
of any name. Fairway takes no word but its own for its own.

## Events

| event | what Fairway does |
|---|---|
{events}

GitHub sends `installation`, `installation_repositories` and `ping` without being asked. Deliveries that
fail are asked for again every few minutes.
"""


def github_app() -> str:
    """Return docs/github-app.md."""
    return _PAGE.format(
        permissions="\n".join(map(_row, PERMISSIONS)),
        events="\n".join(f"| `{event.name}` | {event.does} |" for event in EVENTS),
    )


def _row(permission: Permission) -> str:
    where = ", of the organization" if permission.of_organization else ""
    shown = f"{permission.shown} (`{permission.name}`{where})"
    return f"| {' | '.join((shown, permission.access, permission.why, permission.without))} |"
