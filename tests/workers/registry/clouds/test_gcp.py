# SPDX-License-Identifier: Apache-2.0
"""Logging in at Google's registries by google-auth, which asks services that speak as Google's do."""

from __future__ import annotations

import base64
import json
import os
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from policies.registry.clouds import place_of
from policies.registry.pull_secrets import Login
from tests.fixtures.registry import Asked, Hostile, Reply
from tests.fixtures.registry_clouds import GAR, Clouds, form
from tests.workers.registry.clouds.conftest import POOL, account, python
from workers.registry import Access
from workers.registry.clouds import CloudLogins, LoginFailed

GOOGLE_STS = "sts.googleapis.com"


@pytest.fixture(scope="module")
def google_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The key file of a service account."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("google") / "key.json"
    content = {
        "type": "service_account",
        "project_id": "acme",
        "private_key_id": "1",
        "private_key": pem.decode(),
        "client_email": "puller@acme.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    path.write_text(json.dumps(content))
    return path


def test_a_key_of_google_logs_in(
    clouds: Clouds, logins: CloudLogins, google_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(google_key))
    clouds.services["oauth2.googleapis.com"] = lambda asked: Reply(
        {"access_token": "google-token", "expires_in": 3599, "token_type": "Bearer"}
    )
    login = logins.login(place_of("gcp", GAR), None, Access())
    assert login == Login("oauth2accesstoken", "google-token")
    said = form(clouds.asked("oauth2.googleapis.com")[0])
    assert said["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    middle = said["assertion"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    assert claims["scope"].split() == [
        "https://www.googleapis.com/auth/cloud-platform",
        "https://www.googleapis.com/auth/userinfo.email",
    ]


def metadata_of_gke(asked: Asked) -> Reply:
    flavor = {"Metadata-Flavor": "Google", "Content-Type": "application/text"}
    if asked.headers.get("metadata-flavor") != "Google":
        return Reply(status=403)
    path = asked.path.partition("?")[0].removeprefix("/computeMetadata/v1/")
    texts = {
        "project/project-id": b"acme",
        "instance/attributes/cluster-location": b"europe-west1",
        "instance/attributes/cluster-name": b"prod",
    }
    if path in texts:
        return Reply(texts[path], headers=flavor)
    if path.endswith("/token"):
        token = {"access_token": "node-token", "expires_in": 3000, "token_type": "Bearer"}
        return Reply(token, headers={**flavor, "Content-Type": "application/json"})
    known = {"email": "pod@acme.iam.gserviceaccount.com", "aliases": ["default"], "scopes": []}
    return Reply(known, headers={**flavor, "Content-Type": "application/json"})


def test_the_metadata_server_logs_in(metadata: Hostile) -> None:
    # Where it is is read when google-auth is first imported, hence another process.
    metadata.answer = metadata_of_gke
    program = (
        "from workers.registry import Access\n"
        "from workers.registry.clouds import CloudLogins\n"
        "from policies.registry.clouds import place_of\n"
        "login = CloudLogins(allow_loopback=True).login(place_of('gcp', 'gcr.io'), None, Access())\n"
        "print(login.username, login.password)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "NO_GCE_CHECK"}
    environment |= {"GCE_METADATA_HOST": metadata.host, "GCE_METADATA_IP": metadata.host}
    assert python(program, environment).split() == ["oauth2accesstoken", "node-token"]


def google_sts(asked: Asked) -> Reply:
    return Reply(
        {
            "access_token": "federated-token",
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "token_type": "Bearer",
            "expires_in": 3600,
        }
    )


def test_a_service_account_logs_in_at_google(clouds: Clouds, logins: CloudLogins) -> None:
    clouds.services[GOOGLE_STS] = google_sts
    made = account("gcp", {"gcp.auth.fluxcd.io/workload-identity-provider": POOL})
    assert logins.login(place_of("gcp", GAR), made, Access()).password == "federated-token"
    said = form(clouds.asked(GOOGLE_STS)[0])
    assert said["audience"] == f"//iam.googleapis.com/{POOL}"
    assert said["subject_token"] == f"token for //iam.googleapis.com/{POOL}"
    assert said["subject_token_type"] == "urn:ietf:params:oauth:token-type:jwt"


def test_a_service_account_acts_as_one_of_google_on_gke(
    clouds: Clouds, logins: CloudLogins, metadata: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata.answer = metadata_of_gke
    monkeypatch.setenv("GCE_METADATA_HOST", metadata.host)
    ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    clouds.services |= {
        GOOGLE_STS: google_sts,
        "iamcredentials.googleapis.com": lambda asked: Reply({"accessToken": "acting", "expireTime": ends}),
    }
    made = account("gcp", {"iam.gke.io/gcp-service-account": "puller@acme.iam.gserviceaccount.com"})
    assert logins.login(place_of("gcp", GAR), made, Access()).password == "acting"
    said = form(clouds.asked(GOOGLE_STS)[0])
    cluster = "https://container.googleapis.com/v1/projects/acme/locations/europe-west1/clusters/prod"
    assert said["audience"] == f"identitynamespace:acme.svc.id.goog:{cluster}"
    assert said["subject_token"] == "token for acme.svc.id.goog"
    (acted,) = clouds.asked("iamcredentials.googleapis.com")
    assert acted.path == (
        "/v1/projects/-/serviceAccounts/puller@acme.iam.gserviceaccount.com:generateAccessToken"
    )
    assert acted.headers["authorization"] == "Bearer federated-token"


def test_what_google_refuses_is_told(clouds: Clouds, logins: CloudLogins) -> None:
    why = {"error": "invalid_target", "error_description": "The target service indicated is invalid."}
    clouds.services[GOOGLE_STS] = lambda asked: Reply(why, status=400)
    made = account("gcp", {"gcp.auth.fluxcd.io/workload-identity-provider": POOL})
    with pytest.raises(
        LoginFailed, match=r"Google Artifact Registry as .*invalid_target.*The target service"
    ):
        logins.login(place_of("gcp", GAR), made, Access())
