# SPDX-License-Identifier: Apache-2.0
"""Fairway on a sandbox: its cluster, and a GitHub App of ours on its forge."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from policies.errors import FairwayError
from policies.github import permissions
from sandbox import up as sandbox
from sandbox.forge.admin import App, Forge, ForgeError

_APP = "fairway"
CONTEXT = "fairway-sandbox"


class SandboxDown(FairwayError):
    """The sandbox that was named does not run."""


def environment_of(directory: Path, folder: Path, listen: str) -> dict[str, str]:
    """Return the settings for a running sandbox, after making sure of our App on its forge.

    The App's key and secrets are kept in `folder`; its webhook is sent to `listen`.
    """
    found = sandbox.status(directory)
    if found is None:
        raise SandboxDown(
            f"no sandbox runs in {directory}", remedy=f"start one: fairway sandbox up --dir {directory}"
        )
    try:
        app = _register(Forge(found.forge), folder, f"http://{listen}/webhooks/github")
    except ForgeError as error:
        raise SandboxDown(f"the App cannot be registered on the forge at {found.forge}: {error}") from error
    return {
        "KUBECONFIG": found.kubeconfig,
        "FAIRWAY_CONTEXT": CONTEXT,
        "FAIRWAY_GITHUB_URL": found.forge,
        "FAIRWAY_GITHUB_API_URL": f"{found.forge}/api/v3",
        "FAIRWAY_GITHUB_APP_ID": str(app.id),
        "FAIRWAY_GITHUB_PRIVATE_KEY_FILE": str(folder / "app.pem"),
        "FAIRWAY_WEBHOOK_SECRET_FILE": str(folder / "webhook-secret"),
        "FAIRWAY_ALLOW_LOOPBACK": "true",
    }


def _register(forge: Forge, folder: Path, webhook: str) -> App:
    """Find or make our App, with a key and a secret that lie in the folder, and install it everywhere."""
    secret = _kept(folder / "webhook-secret", lambda: secrets.token_hex(32))
    try:
        app = forge.app(_APP)
    except ForgeError:
        # Before its webhook is set: its ping would meet nobody.
        app = forge.create_app(_APP, permissions=permissions.asked(), events=permissions.subscribed())
        _write(folder / "app.pem", app.private_key_pem)
    _kept(folder / "app.pem", lambda: forge.new_key(app))
    forge.set_webhook(app, webhook, secret)
    for account in forge.accounts():
        forge.install(app, account)
    return app


def _kept(file: Path, make: Callable[[], str]) -> str:
    if not file.exists():
        _write(file, make())
    return file.read_text()


def _write(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text)
