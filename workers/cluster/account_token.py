# SPDX-License-Identifier: Apache-2.0
"""The token of a service account of our cluster, made for another cluster and renewed in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from policies.account_login import NO_DEFAULT_ACCOUNT, AccountLogin
from policies.clock import parse
from policies.kubeconfig import KubeconfigError
from workers.cluster.client import Client
from workers.cluster.errors import ApiError, NotFound

_KEEP = 0.8  # of its life a token is used, as in Flux


class AccountToken:
    """Headers that log in as an account of a namespace; safe for threads."""

    def __init__(
        self, home: Client, namespace: str, login: AccountLogin, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._home = home
        self._namespace = namespace
        self._login = login
        self._now = now
        self._lock = threading.Lock()
        self._token = ""
        self._good_until = 0.0

    def headers(self) -> dict[str, str]:
        """Return the header with a token that is still good; raises KubeconfigError when there is none."""
        with self._lock:
            if self._now() >= self._good_until:
                self._renew()
            return {"authorization": f"Bearer {self._token}"}

    def _renew(self) -> None:
        account = f"{self._namespace}/{self._login.account}"
        try:
            made = self._request()
        except NotFound as error:
            why = NO_DEFAULT_ACCOUNT if self._login.lockdown else error.message
            raise KubeconfigError(f"failed to get service account '{account}': {why}") from error
        except ApiError as error:
            raise KubeconfigError(
                f"failed to create kubernetes token for service account '{account}': {error.message}"
            ) from error
        life = parse(made["status"]["expirationTimestamp"]) - parse(made["metadata"]["creationTimestamp"])
        self._token = made["status"]["token"]
        self._good_until = self._now() + life.total_seconds() * _KEEP

    def _request(self) -> Any:
        path = f"/api/v1/namespaces/{self._namespace}/serviceaccounts/{self._login.account}/token"
        return self._home.request("POST", path, body={"spec": {"audiences": list(self._login.audiences)}})
