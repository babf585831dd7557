# SPDX-License-Identifier: Apache-2.0
"""A login at Azure's registries: azure-identity says who we are, the registry gives a login for that.

As in Flux it is what the environment says, else a federated workload identity, else a managed identity.
"""

from __future__ import annotations

import os
import time
from typing import Any
from urllib.parse import urlencode

from policies.registry.clouds import Place, ends_at
from policies.registry.pull_secrets import Login
from workers.registry import errors
from workers.registry.access import Access
from workers.registry.clouds.made import CONNECT, STEP, TRIES, Account, Made, failed, missing
from workers.registry.transport import Request, Transport

_USERNAME = "00000000-0000-0000-0000-000000000000"  # what the registry wants with such a login
_LARGEST = 2**20  # bytes
_SHORTEST = 60.0  # seconds that a login is good for which does not say
_BOUNDS = {"connection_timeout": CONNECT, "read_timeout": STEP, "retry_total": TRIES - 1}
_WORKLOAD = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE")
_SECRET = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID")
_SECRETS = ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_PASSWORD")


def login(place: Place, account: Account | None, way: Access, *, allow_loopback: bool) -> Made:
    """Return a login at a registry of Azure's; raises LibraryMissing, LoginFailed."""
    try:
        import azure.core.exceptions
        import azure.identity
    except ImportError as error:
        raise missing("azure", error) from None
    name = account.name if account else ""
    try:
        with _credential(azure.identity, account) as credential:
            token = str(credential.get_token(place.scope).token)
    except (azure.core.exceptions.AzureError, ValueError) as error:
        away = isinstance(
            error, azure.core.exceptions.ServiceRequestError | azure.core.exceptions.ServiceResponseError
        )
        raise failed(place, name, getattr(error, "message", "") or error, unreachable=away) from None
    return _exchanged(place, name, token, way, allow_loopback=allow_loopback)


def _credential(identity: Any, account: Account | None) -> Any:
    if account is not None:
        who = account.identity
        made = account.token(who.audience)
        return identity.ClientAssertionCredential(who.tenant, who.client, lambda: made, **_BOUNDS)
    if all(map(os.environ.get, _SECRET)) and any(map(os.environ.get, _SECRETS)):
        return identity.EnvironmentCredential(**_BOUNDS)
    if all(map(os.environ.get, _WORKLOAD)):
        return identity.WorkloadIdentityCredential(**_BOUNDS)
    return identity.ManagedIdentityCredential(client_id=os.environ.get("AZURE_CLIENT_ID"), **_BOUNDS)


def _exchanged(place: Place, name: str, token: str, way: Access, *, allow_loopback: bool) -> Made:
    """Exchange a token of Entra ID for the registry's own."""
    what = f"registry {place.host}: log in"
    form = {"grant_type": "access_token", "service": place.host, "access_token": token}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    asked = Request(
        "POST", f"https://{place.host}/oauth2/exchange", what, headers, _LARGEST, urlencode(form).encode()
    )
    transport = Transport(way, allow_loopback=allow_loopback, step=STEP)
    try:
        answer = transport.send(asked, deadline=time.monotonic() + STEP + CONNECT)
        if answer.status != 200:
            raise errors.from_status(what, answer.status, answer.body, retry_at=None, secrets=(token,))
        content = answer.json(what)
    except errors.RegistryError as error:
        raise failed(place, name, error.message) from None
    finally:
        transport.close()
    found = content.get("refresh_token") if isinstance(content, dict) else None
    if not isinstance(found, str) or not found or not found.isascii() or not found.isprintable():
        raise failed(place, name, "its answer has no token that can be used")
    ends = ends_at(found)
    return Made(Login(_USERNAME, found), _SHORTEST if ends is None else ends - time.time())
