# SPDX-License-Identifier: Apache-2.0
"""The remote a GitRepository points to, with the credentials it names."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from policies.github.urls import repository_of
from policies.kinds import GitRepository
from policies.objects import Object, ObjectRef
from workers.bindings import tenant_of
from workers.context import Context
from workers.git import (
    ANONYMOUS,
    Auth,
    InvalidCredentials,
    Remote,
    app_token,
    bare_url,
    from_secret,
    proxy_from_secret,
)
from workers.github import AppJwt, GitHub


def remote_of(context: Context, spec: GitRepository) -> Remote:
    """Return the remote; raises InvalidCredentials when its Secret cannot be used."""
    auth = _auth(context, spec)
    if spec.spec.proxy_secret_ref is not None:
        auth = replace(auth, proxy=_proxy(context, spec.metadata.namespace, spec.spec.proxy_secret_ref.name))
    return _open(context, spec.spec.url, auth)


def submodule_of(context: Context, parent: Remote, url: str) -> Remote:
    """Return a submodule's remote: with the parent's credentials on its own host, else without any."""
    same = _host(url) == _host(parent.url)
    proxied = parent.auth.proxy
    return _open(context, url, parent.auth if same else replace(ANONYMOUS, proxy=proxied))


def _host(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(bare_url(url))
    return parts.scheme, parts.hostname or "", parts.port


def _open(context: Context, url: str, auth: Auth) -> Remote:
    settings = context.settings
    return Remote(url, auth, data_dir=Path(settings.data_dir), allow_loopback=settings.allow_loopback)


def _secret(context: Context, namespace: str, name: str) -> tuple[Object, dict[str, bytes]]:
    secret = context.cluster.find(ObjectRef("", "v1", "Secret", namespace, name))
    if secret is None:
        raise InvalidCredentials(
            f"failed to get secret '{namespace}/{name}': secret not found", reason="AuthenticationFailed"
        )
    return secret, {key: base64.b64decode(value) for key, value in (secret.get("data") or {}).items()}


def _proxy(context: Context, namespace: str, name: str) -> str:
    return proxy_from_secret(_secret(context, namespace, name)[1], secret=f"{namespace}/{name}")


def _auth(context: Context, spec: GitRepository) -> Auth:
    if spec.spec.secret_ref is None:
        return _own_app(context, spec)
    namespace, name = spec.metadata.namespace, spec.spec.secret_ref.name
    secret, data = _secret(context, namespace, name)
    principal = f"secret/{namespace}/{name}/{secret['metadata']['uid']}"
    if "githubAppID" in data:
        return _their_app(context, spec, data, principal)
    return from_secret(data, url=spec.spec.url, principal=principal)


def _own_app(context: Context, spec: GitRepository) -> Auth:
    """Read as our own App where the object asks for it; else, as anybody."""
    found = repository_of(spec.spec.url, context.settings.github_url)
    if spec.spec.provider != "github" or found is None or context.github is None:
        return ANONYMOUS
    owner, name = found
    if not tenant_of(context, f"{owner}/{name}").covers(spec.metadata.namespace):
        return ANONYMOUS
    token = context.github.token_for(owner, name)
    return app_token(token.value, principal=f"app/{token.installation_id}/{owner}/{name}")


def _their_app(context: Context, spec: GitRepository, data: dict[str, bytes], principal: str) -> Auth:
    """Read as the GitHub App whose key lies in the Secret, as Flux's provider github does."""
    base = data.get("githubAppBaseURL", b"").decode().strip()
    found = repository_of(spec.spec.url, base.removesuffix("/api/v3") or context.settings.github_url)
    if found is None or "githubAppPrivateKey" not in data:
        raise InvalidCredentials(
            "the Secret's GitHub App cannot be used: its key is missing, or spec.url is not on its GitHub",
            reason="AuthenticationFailed",
        )
    app = AppJwt(data["githubAppID"].decode().strip(), data["githubAppPrivateKey"].decode())
    github = GitHub(
        app,
        api_url=base or context.settings.github_api_url,
        allow_loopback=context.settings.allow_loopback,
    )
    wanted = data.get("githubAppInstallationID", b"").decode().strip()
    owner = data.get("githubAppInstallationOwner", b"").decode().strip()
    if bool(wanted) == bool(owner):
        raise InvalidCredentials(
            "the Secret has to hold exactly one of githubAppInstallationID and githubAppInstallationOwner",
            reason="AuthenticationFailed",
        )
    token = github.token_for(*found)
    if (wanted and wanted != str(token.installation_id)) or (
        owner and owner.casefold() != found[0].casefold()
    ):
        raise InvalidCredentials(
            f"the Secret's GitHub App is not installed on {'/'.join(found)} as {wanted or owner}",
            reason="AuthenticationFailed",
        )
    return app_token(token.value, principal=principal)
