# SPDX-License-Identifier: Apache-2.0
"""A login at Google's registries, by google-auth: as whoever this process is, or as a service account.

Which identity that is is for google-auth to find in the process's environment: a key file, or the metadata
server, which on GKE knows the pod's.
"""

from __future__ import annotations

import os
import time
from calendar import timegm
from collections.abc import Callable
from typing import Any

from policies.registry.clouds import Place
from policies.registry.pull_secrets import Login
from workers.registry.clouds.made import STEP, Account, Made, failed, missing

_SCOPES = (
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/userinfo.email",
)
_STS = "https://sts.googleapis.com/v1/token"
_ACT_AS = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{}:generateAccessToken"
_CLUSTER = "https://container.googleapis.com/v1/projects/{}/locations/{}/clusters/{}"
_JWT = "urn:ietf:params:oauth:token-type:jwt"
_USERNAME = "oauth2accesstoken"
_PATHS = ("project/project-id", "instance/attributes/cluster-location", "instance/attributes/cluster-name")


def login(place: Place, account: Account | None) -> Made:
    """Return a login at a registry of Google's; raises LibraryMissing, LoginFailed."""
    try:
        import google.auth
        import google.auth.exceptions
        import google.auth.transport.requests as transport
        import requests
    except ImportError as error:
        raise missing("gcp", error) from None
    with requests.Session() as session:
        ask = _bounded(transport.Request(session))
        try:
            if account is None:
                found, _ = google.auth.default(scopes=_SCOPES, request=ask)
            else:
                found = _federated(account, session)
            found.refresh(ask)
        except (google.auth.exceptions.GoogleAuthError, requests.RequestException, OSError) as error:
            away = not isinstance(error, google.auth.exceptions.GoogleAuthError) or isinstance(
                error, google.auth.exceptions.TransportError
            )
            raise failed(place, account.name if account else "", error, unreachable=away) from None
    if not found.token or found.expiry is None:
        raise failed(place, account.name if account else "", "its answer has no token that can be used")
    return Made(Login(_USERNAME, found.token), timegm(found.expiry.utctimetuple()) - time.time())


def _federated(account: Account, session: Any) -> Any:
    """Return what exchanges the account's token for one of Google's, and acts as an account there."""
    from google.auth import identity_pool

    identity, audience = account.identity, account.identity.audience
    asked = audience
    if not audience:
        project, location, cluster = (_metadata(session, path) for path in _PATHS)
        asked = f"{project}.svc.id.goog"
        audience = f"identitynamespace:{asked}:{_CLUSTER.format(project, location, cluster)}"
    token = account.token(asked)

    class Supplier(identity_pool.SubjectTokenSupplier):  # type: ignore[misc]
        def get_subject_token(self, context: Any, request: Any) -> str:
            return token

    return identity_pool.Credentials(
        audience=audience,
        subject_token_type=_JWT,
        token_url=_STS,
        subject_token_supplier=Supplier(),
        service_account_impersonation_url=_ACT_AS.format(identity.email) if identity.email else None,
        scopes=_SCOPES,
    )


def _metadata(session: Any, path: str) -> str:
    """Ask GKE's metadata server which cluster this is."""
    host = os.environ.get("GCE_METADATA_HOST") or "metadata.google.internal"
    answer = session.get(
        f"http://{host}/computeMetadata/v1/{path}", headers={"Metadata-Flavor": "Google"}, timeout=STEP
    )
    answer.raise_for_status()
    return str(answer.text.strip())


def _bounded(ask: Callable[..., Any]) -> Callable[..., Any]:
    """Let no step take longer than it may: google-auth would wait for two minutes."""

    def bounded(
        url: str, method: str = "GET", body: Any = None, headers: Any = None, timeout: Any = None, **more: Any
    ) -> Any:
        return ask(url, method, body, headers, min(timeout or STEP, STEP), **more)

    return bounded
