# SPDX-License-Identifier: Apache-2.0
"""Fill a registry as somebody's pipeline would: push, list and delete images, and say who hears of it."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3

from sandbox.registry.images import INDEX, MANIFEST, Image, digest, image, index

_ACTIONS = "pull,push,delete"
_MANIFESTS = {"Accept": f"{MANIFEST}, {INDEX}"}


class RegistryError(Exception):
    """The registry refused what it was asked for."""


@dataclass(frozen=True)
class Login:
    """A user of a registry that was started with --user."""

    username: str
    password: str


class Registry:
    """Talk to a running registry; a method may be called from any thread. Every refusal raises RegistryError.

    `url` and `control` are what it said when it was ready; `auth` is how it was started, `ca` what to trust.
    """

    def __init__(
        self, url: str, control: str, *, auth: str = "none", login: Login | None = None, ca: bytes = b""
    ) -> None:
        self.url = url.rstrip("/")
        self.control = control
        self._auth = auth
        self._login = login
        context = ssl.create_default_context(cadata=ca.decode()) if ca else None
        self._http = urllib3.PoolManager(timeout=30.0, retries=False, ssl_context=context)

    @property
    def host(self) -> str:
        """Return what an image's name begins with: 127.0.0.1:5000."""
        return urlsplit(self.url).netloc

    def push(self, repository: str, tag: str, pushed: Image | None = None, **labels: str) -> Image:
        """Push an image under a tag: the given one, or one made as `images.image` does of the labels."""
        made = pushed or image(**{"version": tag, **labels})  # type: ignore[arg-type]
        self._upload(repository, made)
        self._put(repository, tag, made.manifest, MANIFEST)
        return made

    def push_index(self, repository: str, tag: str, images: Sequence[Image]) -> str:
        """Push an image for several platforms under a tag; returns its digest."""
        for one in images:
            self._upload(repository, one)
            self._put(repository, one.digest, one.manifest, MANIFEST)
        content = index(images)
        self._put(repository, tag, content, INDEX)
        return digest(content)

    def tag_many(self, repository: str, manifest: str, tags: Iterable[str]) -> None:
        """Give the manifest of a digest many tags at once; nobody is notified of them."""
        body = {"repository": repository, "digest": manifest, "tags": list(tags)}
        self._send("POST", f"{self.control}/tags", json.dumps(body).encode())

    def tags(self, repository: str) -> list[str]:
        """List the tags of a repository."""
        answer = self._of(repository, "GET", "/tags/list")
        return list(json.loads(answer.data)["tags"] or [])

    def digest(self, repository: str, tag: str) -> str:
        """Return the digest that a tag stands for."""
        answer = self._of(repository, "HEAD", f"/manifests/{tag}", headers=_MANIFESTS)
        return str(answer.headers["Docker-Content-Digest"])

    def delete(self, repository: str, reference: str) -> None:
        """Delete a tag, or by its digest a manifest with all its tags."""
        self._of(repository, "DELETE", f"/manifests/{reference}")

    def notify(self, urls: Sequence[str]) -> None:
        """Have notifications of what is pushed and deleted sent to these URLs, and to no other any more."""
        self._send("PUT", f"{self.control}/webhooks", json.dumps(list(urls)).encode())

    def notified(self) -> list[str]:
        """Return the URLs to which notifications are sent."""
        return list(json.loads(self._send("GET", f"{self.control}/webhooks").data))

    def _upload(self, repository: str, made: Image) -> None:
        for blob in made.blobs:
            started = self._of(repository, "POST", "/blobs/uploads/")
            location = started.headers["Location"]
            url = f"{location}{'&' if '?' in location else '?'}{urlencode({'digest': digest(blob)})}"
            headers = {"Content-Type": "application/octet-stream", **self._authorization(repository)}
            self._send("PUT", url, blob, headers)

    def _put(self, repository: str, reference: str, content: bytes, media_type: str) -> None:
        headers = {"Content-Type": media_type}
        self._of(repository, "PUT", f"/manifests/{reference}", content, headers)

    def _of(
        self,
        repository: str,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        sent = {**(headers or {}), **self._authorization(repository)}
        return self._send(method, f"{self.url}/v2/{repository}{path}", body, sent)

    def _authorization(self, repository: str) -> dict[str, str]:
        if self._auth == "none" or self._login is None:
            return {}
        basic = urllib3.make_headers(basic_auth=f"{self._login.username}:{self._login.password}")
        if self._auth == "basic":
            return dict(basic)
        asked = {"service": self.host, "scope": f"repository:{repository}:{_ACTIONS}"}
        answer = self._send("GET", f"{self.url}/token?{urlencode(asked)}", headers=basic)
        return {"Authorization": f"Bearer {json.loads(answer.data)['token']}"}

    def _send(
        self, method: str, url: str, body: bytes = b"", headers: Mapping[str, Any] | None = None
    ) -> urllib3.BaseHTTPResponse:
        answer = self._http.request(method, url, body=body or None, headers=dict(headers or {}))
        if answer.status >= 400:
            raise RegistryError(f"{method} {url}: {answer.status} {answer.data.decode(errors='replace')}")
        return answer
