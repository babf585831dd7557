# SPDX-License-Identifier: Apache-2.0
"""Logging in at Azure's registries by azure-identity, which asks services that speak as Microsoft's do."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from policies.registry.clouds import place_of
from policies.registry.pull_secrets import Entry
from tests.fixtures.registry import Asked, Hostile, Image, Reply
from tests.fixtures.registry_clouds import ACR, Clouds, form
from tests.workers.registry.clouds.conftest import account
from tests.workers.registry.conftest import Open
from workers.registry import Access
from workers.registry.clouds import CloudLogins, LoginFailed

ENTRA = "login.microsoftonline.com"
NOBODY = "00000000-0000-0000-0000-000000000000"


def jwt(**claims: object) -> str:
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{middle}.c2ln"


def entra(asked: Asked) -> Reply:
    return Reply({"token_type": "Bearer", "expires_in": 3600, "access_token": "entra-token"})


def acr(asked: Asked, *, lives: float = 3 * 3600) -> Reply:
    refresh = jwt(exp=int(time.time() + lives))
    return Reply({"refresh_token": refresh}) if asked.path == "/oauth2/exchange" else Reply(status=404)


def test_a_federated_identity_logs_in_at_azure(
    clouds: Clouds, logins: CloudLogins, way: Access, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As AKS has it with workload identity."""
    (tmp_path / "token").write_text("token of the pod")
    monkeypatch.setenv("AZURE_CLIENT_ID", "client-1")
    monkeypatch.setenv("AZURE_TENANT_ID", "tenant-1")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", f"https://{ENTRA}/")
    clouds.services |= {ENTRA: entra, ACR: acr}
    login = logins.login(place_of("azure", ACR), None, way)
    assert login.username == NOBODY
    (asked,) = clouds.asked(ENTRA)
    assert asked.path == "/tenant-1/oauth2/v2.0/token"
    said = form(asked)
    assert (said["client_id"], said["client_assertion"]) == ("client-1", "token of the pod")
    assert said["scope"] == "https://management.azure.com/.default"
    (exchange,) = clouds.asked(ACR)
    assert form(exchange) == {"grant_type": "access_token", "service": ACR, "access_token": "entra-token"}


def test_a_managed_identity_logs_in(
    clouds: Clouds,
    logins: CloudLogins,
    way: Access,
    metadata: Hostile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ends = str(int(time.time()) + 3600)
    token = {
        "access_token": "entra-token",
        "expires_on": ends,
        "expires_in": "3600",
        "token_type": "Bearer",
        "resource": "https://management.azure.com",
    }
    metadata.answer = lambda asked: (
        Reply(token) if asked.headers.get("metadata") == "true" else Reply(status=400)
    )
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", metadata.url)
    monkeypatch.setenv("AZURE_CLIENT_ID", "client-1")
    clouds.services[ACR] = acr
    assert logins.login(place_of("azure", ACR), None, way).username == NOBODY
    assert metadata.asked[-1].path.startswith("/metadata/identity/oauth2/token?")
    assert "client_id=client-1" in metadata.asked[-1].path
    assert form(clouds.asked(ACR)[0])["access_token"] == "entra-token"


def test_a_service_account_logs_in_at_azure(clouds: Clouds, logins: CloudLogins, way: Access) -> None:
    clouds.services |= {ENTRA: entra, ACR: acr}
    made = account(
        "azure",
        {
            "azure.workload.identity/tenant-id": "tenant-2",
            "azure.workload.identity/client-id": "client-2",
        },
    )
    assert logins.login(place_of("azure", ACR), made, way).username == NOBODY
    (asked,) = clouds.asked(ENTRA)
    assert asked.path == "/tenant-2/oauth2/v2.0/token"
    said = form(asked)
    assert said["client_assertion"] == "token for api://AzureADTokenExchange"
    assert said["client_id"] == "client-2"


def test_the_login_of_azure_lists_tags(clouds: Clouds, logins: CloudLogins, way: Access, open_: Open) -> None:
    """The registry asks for a token of its own, for which it takes the login."""
    made: list[str] = []

    def registry(asked: Asked) -> Reply:
        if asked.path == "/oauth2/exchange":
            made.append(jwt(exp=int(time.time()) + 3600))
            return Reply({"refresh_token": made[0]})
        basic = base64.b64encode(f"{NOBODY}:{made[0]}".encode()).decode()
        if asked.path.startswith("/oauth2/token?") and asked.headers["authorization"] == f"Basic {basic}":
            return Reply({"access_token": "acr-token"})
        if asked.headers.get("authorization") == "Bearer acr-token":
            return Reply({"tags": ["1.0.0"]})
        challenge = f'Bearer realm="https://{ACR}/oauth2/token",service="{ACR}"'
        return Reply(status=401, headers={"WWW-Authenticate": challenge})

    clouds.services |= {ENTRA: entra, ACR: registry}
    who = {"azure.workload.identity/tenant-id": "t", "azure.workload.identity/client-id": "c"}
    login = logins.login(place_of("azure", ACR), account("azure", who), way)
    access = replace(way, logins=(Entry(ACR, "", login),))
    assert open_(Image(ACR, "acme/web", may_be_plain=False), access).tags() == ["1.0.0"]


def test_what_azure_refuses_is_told(clouds: Clouds, logins: CloudLogins, way: Access) -> None:
    why = {"error": "invalid_client", "error_description": "AADSTS70021: No matching federated identity"}
    clouds.services[ENTRA] = lambda asked: Reply(why, status=401)
    made = account(
        "azure", {"azure.workload.identity/tenant-id": "t", "azure.workload.identity/client-id": "c"}
    )
    before = r"no login at Azure Container Registry \(acme.azurecr.io\) as service account 'apps/puller': "
    with pytest.raises(LoginFailed, match=f"{before}.*AADSTS70021: No matching federated identity"):
        logins.login(place_of("azure", ACR), made, way)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (
            Reply({"errors": [{"code": "DENIED", "message": "not for entra-token"}]}, status=403),
            r"registry acme.azurecr.io: log in: access denied, DENIED: not for \*\*\* \(403\)",
        ),
        (Reply({"access_token": "x"}), "its answer has no token that can be used"),
        (Reply([]), "its answer has no token that can be used"),
        (Reply(b"no"), "what it answered is not JSON"),
    ],
)
def test_what_the_registry_of_azure_refuses_is_told(
    clouds: Clouds, logins: CloudLogins, way: Access, reply: Reply, why: str
) -> None:
    clouds.services |= {ENTRA: entra, ACR: lambda asked: reply}
    made = account(
        "azure", {"azure.workload.identity/tenant-id": "t", "azure.workload.identity/client-id": "c"}
    )
    with pytest.raises(LoginFailed, match=why):
        logins.login(place_of("azure", ACR), made, way)
