# SPDX-License-Identifier: Apache-2.0
"""The other clusters that Kustomizations name, each with its client, opened once and kept for a while."""

from __future__ import annotations

import base64
import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from policies import account_login, kubeconfig
from policies.kubeconfig import Access, KubeconfigError
from policies.objects import Object, ObjectRef
from policies.settings import Settings
from workers import plain_yaml
from workers.cluster.account_token import AccountToken
from workers.cluster.client import Client
from workers.cluster.config import Headers
from workers.cluster.errors import ApiError
from workers.cluster.kubeconfig import connect_to
from workers.cluster.remote import RemoteClient
from workers.plain_yaml import NotPlain

_MOST = 64  # clusters held open
_OLDEST = 600.0  # seconds after which a client is opened anew
_CALLS = 4  # calls side by side, which is Flux's --concurrent-ssa


def _calls() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_CALLS, "remote")


@dataclass(frozen=True)
class Remote:
    """Another cluster: a client of it, and threads of its own, so that its pace holds up nobody else."""

    client: RemoteClient
    version: tuple[str, ...]
    opened: float
    pool: ThreadPoolExecutor = field(default_factory=_calls)


class RemoteClusters:
    """Open clusters by the kubeconfig a Kustomization refers to; safe for threads.

    What is referred to is read each time; its uid and resourceVersion tell whether a client still is the one.
    """

    def __init__(self, home: Client, settings: Settings, now: Callable[[], float] = time.monotonic) -> None:
        self._home = home
        self._settings = settings
        self._now = now
        self._lock = threading.Lock()
        self._open: OrderedDict[tuple[str, ...], Remote] = OrderedDict()

    def open(self, namespace: str, reference: Mapping[str, Any]) -> Remote:
        """Return the cluster that a spec.kubeConfig in a namespace names.

        Raises KubeconfigError when there is nothing that could be connected to, ApiError when the home
        cluster does not answer; the other cluster itself is not called yet.
        """
        if ref := reference.get("secretRef"):
            key = ref.get("key") or ""
            source = self._secret(namespace, ref["name"])
            return self._kept(
                ("Secret", namespace, ref["name"], key), source, lambda: self._by_secret(source, key)
            )
        if ref := reference.get("configMapRef"):
            source = self._config_map(namespace, ref["name"])
            return self._kept(("ConfigMap", namespace, ref["name"]), source, lambda: self._by_account(source))
        raise KubeconfigError("spec.kubeConfig names neither a Secret nor a ConfigMap")

    def _kept(self, place: tuple[str, ...], source: Object, connect: Callable[[], RemoteClient]) -> Remote:
        version = (source["metadata"]["uid"], source["metadata"]["resourceVersion"])
        with self._lock:
            self._expire()
            found = self._open.get(place)
            if found is not None and found.version == version:
                self._open.move_to_end(place)
                return found
        made = Remote(connect(), version, self._now())
        with self._lock:
            if found := self._open.pop(place, None):
                found.client.close()
            self._open[place] = made
            while len(self._open) > _MOST:
                self._open.popitem(last=False)[1].client.close()
        return made

    def _expire(self) -> None:
        """Let go of what is too old; a run that still uses a client keeps it until its end."""
        oldest = self._now() - _OLDEST
        for place in [place for place, remote in self._open.items() if remote.opened < oldest]:
            self._open.pop(place).client.close()

    def _by_secret(self, secret: Object, key: str) -> RemoteClient:
        name = _name(secret)
        text = base64.b64decode(kubeconfig.choose(secret.get("data") or {}, key, name) or "")
        with _naming(f"KubeConfig secret '{name}'"):
            return self._connect(kubeconfig.read(plain_yaml.load(text)))

    def _by_account(self, config_map: Object) -> RemoteClient:
        settings = self._settings
        with _naming(f"KubeConfig configmap '{_name(config_map)}'"):
            login = account_login.read(
                config_map.get("data") or {},
                default_account=settings.default_kubeconfig_service_account,
                gate=settings.gate(account_login.GATE),
            )
            token = AccountToken(self._home, config_map["metadata"]["namespace"], login, self._now)
            token.headers()  # what is wrong with the account is told before anything is built
            return self._connect(Access(login.server, ca=login.ca), token.headers)

    def _connect(self, access: Access, headers: Headers | None = None) -> RemoteClient:
        settings = self._settings
        return connect_to(
            access,
            allow_loopback=settings.allow_loopback,
            insecure_tls=settings.insecure_kubeconfig_tls,
            headers=headers,
        )

    def _secret(self, namespace: str, name: str) -> Object:
        try:
            return self._home.get(ObjectRef("", "v1", "Secret", namespace, name))
        except ApiError as error:
            raise KubeconfigError(
                f"unable to read KubeConfig secret '{namespace}/{name}' error: {error.message}"
            ) from error

    def _config_map(self, namespace: str, name: str) -> Object:
        try:
            return self._home.get(ObjectRef("", "v1", "ConfigMap", namespace, name))
        except ApiError as error:
            raise KubeconfigError(f"failed to get configmap {namespace}/{name}: {error.message}") from error


def _name(obj: Object) -> str:
    return f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"


@contextlib.contextmanager
def _naming(what: str) -> Iterator[None]:
    """Say of which object it is that it cannot be used."""
    try:
        yield
    except (KubeconfigError, NotPlain) as error:
        raise KubeconfigError(f"{what} cannot be used: {error.message}", remedy=error.remedy) from None
