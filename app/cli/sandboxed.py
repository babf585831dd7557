# SPDX-License-Identifier: Apache-2.0
"""Fairway on a sandbox: its cluster, and a GitHub App of ours on its forge."""

from __future__ import annotations

import secrets
from pathlib import Path

from sandbox.up import status

from policies.errors import SettingsError
from sandbox.forge.admin import Forge

_APP = "fairway"


def environment_of(directory: Path, listen: str) -> dict[str, str]:
    """Return the settings for a running sandbox, registering our App on its forge when it is new there."""
    found = status(directory)
    if found is None:
        raise SettingsError(f"no sandbox runs in {directory}", remedy=f"fairway sandbox up --dir {directory}")
    folder = directory / "fairway"
    folder.mkdir(parents=True, exist_ok=True)
    app_id = _register(Forge(found.forge), folder, f"http://{listen}/webhooks/github")
    return {
        "KUBECONFIG": found.kubeconfig,
        "FAIRWAY_CONTEXT": "fairway-sandbox",
        "FAIRWAY_CLUSTER": "demo",
        "FAIRWAY_GITHUB_URL": found.forge,
        "FAIRWAY_GITHUB_API_URL": f"{found.forge}/api/v3",
        "FAIRWAY_GITHUB_APP_ID": app_id,
        "FAIRWAY_GITHUB_PRIVATE_KEY_FILE": str(folder / "app.pem"),
        "FAIRWAY_WEBHOOK_SECRET_FILE": str(folder / "webhook-secret"),
        "FAIRWAY_ALLOW_LOOPBACK": "true",
    }


def _register(forge: Forge, folder: Path, webhook: str) -> str:
    key, secret_file, number = folder / "app.pem", folder / "webhook-secret", folder / "app-id"
    if not (key.exists() and secret_file.exists() and number.exists()):
        secret = secrets.token_hex(32)
        app = forge.create_app(_APP, webhook, secret)
        for path, text in ((key, app.private_key_pem), (secret_file, secret), (number, str(app.id))):
            path.write_text(text)
            path.chmod(0o600)
    forge.set_webhook(forge.app(_APP), webhook, secret_file.read_text())
    return number.read_text()
