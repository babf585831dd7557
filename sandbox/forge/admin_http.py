# SPDX-License-Identifier: Apache-2.0
"""How the sandbox's own client reaches the forge; each part of it (`admin`) builds on this."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import urllib3


class ForgeError(Exception):
    """The forge refused what it was asked for."""


@dataclass(frozen=True)
class Repository:
    """A repository on the forge."""

    id: int
    owner: str
    name: str
    full_name: str
    private: bool
    default_branch: str
    clone_url: str
    html_url: str


class Caller:
    """Talk to a running forge; a method may be called from any thread. Every refusal raises ForgeError."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.api_url = f"{self.url}/api/v3"
        self._http = urllib3.PoolManager(timeout=30.0, retries=False)
        self._secrets: dict[str, str] = {}

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return self._send(method, f"/_sandbox{path}", body, {})

    def _as(self, login: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask the API for something as that person, with the rights that person has."""
        if login not in self._secrets:
            secret = secrets.token_urlsafe(24)
            self._call("POST", "/accounts", {"login": login, "secret": secret})
            self._secrets[login] = secret
        return self._send(method, f"/api/v3{path}", body, {"Authorization": f"token {self._secrets[login]}"})

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> Any:
        answer = self._http.request(
            method,
            f"{self.url}{path}",
            body=json.dumps(body or {}).encode() if method != "GET" else None,
            headers={"Content-Type": "application/json", **headers},
        )
        if answer.status >= 400:
            raise ForgeError(
                f"{method} {path}: {answer.status} {answer.data.decode(errors='replace').strip()}"
            )
        return answer.json() if answer.data else None
