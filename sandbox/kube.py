# SPDX-License-Identifier: Apache-2.0
"""The sandbox's own small client of its API server: JSON over HTTPS with the kubeconfig's certificate."""

from __future__ import annotations

import base64
import json
import os
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
import yaml

Object = dict[str, Any]
MERGE = "application/merge-patch+json"
_WATCH_SECONDS = 300


class ApiError(Exception):
    """The API server said no, or could not be reached (status 0)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}" if status else message)
        self.status = status


class Kube:
    """Calls as whoever the kubeconfig says; safe for threads."""

    def __init__(self, kubeconfig: Path) -> None:
        self.server, context = login(kubeconfig)
        self._pool = urllib3.PoolManager(maxsize=32, ssl_context=context, retries=False)

    def call(
        self, method: str, path: str, body: Object | None = None, *, content_type: str = "application/json"
    ) -> Object:
        """Make one call; raises ApiError."""
        headers = {"content-type": content_type}
        try:
            answer = self._pool.request(
                method,
                self.server + path,
                body=json.dumps(body).encode() if body is not None else None,
                headers=headers,
                timeout=10.0,
            )
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(0, f"the API server cannot be reached: {error}") from error
        if answer.status >= 400:
            raise ApiError(answer.status, _message(answer.data))
        payload: Object = json.loads(answer.data)
        return payload

    def ensure(self, path: str, body: Object) -> None:
        """Create an object unless it is there."""
        try:
            self.call("POST", path, body)
        except ApiError as error:
            if error.status != 409:
                raise

    def listed(self, path: str) -> tuple[list[Object], str]:
        """Return all objects there are, and the resource version they are as of."""
        listed = self.call("GET", path)
        return listed["items"], listed["metadata"]["resourceVersion"]

    def watch(self, path: str, version: str) -> Iterator[tuple[str, Object]]:
        """Yield every change since a resource version, bookmarks too, until the server ends the watch.

        Raises ApiError: 410 when the version is too old, 0 when the connection is cut.
        """
        query = {
            "watch": "1",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        try:
            answer = self._pool.request(
                "GET",
                f"{self.server}{path}?{urlencode(query)}",
                preload_content=False,
                timeout=urllib3.Timeout(connect=10.0, read=_WATCH_SECONDS + 10.0),
            )
            try:
                if answer.status >= 400:
                    raise ApiError(answer.status, _message(answer.data))
                yield from _events(answer)
            finally:
                answer.close()
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(0, f"the watch was cut: {error}") from error


def login(kubeconfig: Path) -> tuple[str, ssl.SSLContext]:
    """Return the API server's address, and the TLS settings with the kubeconfig's certificate."""
    config = yaml.safe_load(kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    with tempfile.TemporaryDirectory() as folder:
        files = {
            name: _written(Path(folder) / name, data)
            for name, data in (
                ("ca", cluster["certificate-authority-data"]),
                ("cert", user["client-certificate-data"]),
                ("key", user["client-key-data"]),
            )
        }
        context = urllib3.util.create_urllib3_context()
        context.load_verify_locations(files["ca"])
        context.load_cert_chain(files["cert"], files["key"])
    return str(cluster["server"]), context


def _message(body: bytes) -> str:
    """Return a Status object's message; not all refusals are one, some are plain text."""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode(errors="replace")


def _events(answer: urllib3.BaseHTTPResponse) -> Iterator[tuple[str, Object]]:
    pending = b""
    while chunk := answer.read1():
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            if line:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise ApiError(event["object"].get("code", 500), event["object"].get("message", ""))
                yield event["type"], event["object"]


def _written(path: Path, data: str) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(base64.b64decode(data))
    os.chmod(path, 0o600)
    return path
